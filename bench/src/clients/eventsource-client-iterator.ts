import { createEventSource } from 'eventsource-client'

export function open(url: string, onData: (data: string) => void): () => void {
  const source = createEventSource(url)
  void (async () => {
    for await (const event of source) onData(event.data)
  })()
  return () => source.close()
}

import { EventSource } from 'launchdarkly-eventsource'

export function open(url: string, onData: (data: string) => void): () => void {
  const source = new EventSource(url)
  source.addEventListener('message', (event) => onData(event.data))
  return () => source.close()
}

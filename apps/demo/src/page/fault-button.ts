import type { StreamStatus } from '@sse-toolkit/event-source-client'
import type { Journal } from './journal.ts'
import { readRefusal } from './refusal.ts'

export interface FaultButton {
  setState(state: StreamStatus['state']): void
  /** It has no meaning with this server. */
  refuse(): void
}

export interface FaultButtonOptions {
  button: HTMLButtonElement
  path: string
  /** The click. */
  onAsk?: () => void
  /** It did not happen, and why. */
  onRefusal: (why: string) => void
  readerId: string
  /** For the journal. */
  asked: string
  journal: Journal
  /** In which states of the stream it has a meaning. Default: while it is open. */
  usableIn?: readonly StreamStatus['state'][]
  /** The server has done it. */
  onDone?: () => void
}

/** Asks the server to do something bad to this browser's connection. */
export function createFaultButton(options: FaultButtonOptions): FaultButton {
  const { button, path, readerId, journal, onRefusal, usableIn = ['open'] } = options
  let state: StreamStatus['state'] = 'connecting'
  let isRefused = false

  /** Not `disabled`: the button keeps the focus while the connection it has cut comes back. */
  function update(): void {
    const isUsable = usableIn.includes(state) && !isRefused
    button.setAttribute('aria-disabled', String(!isUsable))
  }

  async function inject(): Promise<void> {
    journal.note(options.asked)
    options.onAsk?.()
    try {
      const response = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ reader: readerId }),
      })
      if (response.ok) options.onDone?.()
      else refuse('The server refused: ', await readRefusal(response))
    } catch (error) {
      // The process that was asked may be the one that was killed, and then there is no answer.
      if (usableIn.includes(state)) refuse('', `The request failed: ${String(error)}`)
    }
  }

  function refuse(by: string, why: string): void {
    journal.note(`${by}${why}`, 'trouble')
    onRefusal(why)
  }

  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') void inject()
  })
  update()
  return {
    setState(next) {
      state = next
      update()
    },
    refuse() {
      isRefused = true
      update()
    },
  }
}

import type { StreamStatus } from '@sse-toolkit/event-source-client'
import type { About } from '../samples.ts'
import type { Journal } from './journal.ts'

export interface FaultButton {
  setState(state: StreamStatus['state']): void
  setFaults(faults: About['faults']): void
  /** It has no meaning with this server. */
  refuse(): void
}

export interface FaultButtonOptions {
  button: HTMLButtonElement
  /** Says why it cannot be pressed, where it cannot. */
  help: HTMLElement
  path: string
  readerId: string
  /** For the journal. */
  asked: string
  journal: Journal
  /** In which states of the stream it has a meaning. Default: while it is open. */
  usableIn?: readonly StreamStatus['state'][]
  /** The server has done it. */
  onDone?: () => void
}

const FOREIGN = 'Only a browser on the machine itself may break its connection.'

/** Asks the server to do something bad to this browser's connection. */
export function createFaultButton(options: FaultButtonOptions): FaultButton {
  const { button, help, path, readerId, journal, usableIn = ['open'] } = options
  const helpText = help.textContent
  let state: StreamStatus['state'] = 'connecting'
  let faults: About['faults'] = 'allowed'
  let isRefused = false

  /** Not `disabled`: the button keeps the focus while the connection it has cut comes back. */
  function update(): void {
    const isUsable = usableIn.includes(state) && faults === 'allowed' && !isRefused
    button.setAttribute('aria-disabled', String(!isUsable))
    help.textContent = faults === 'allowed' ? helpText : FOREIGN
  }

  async function inject(): Promise<void> {
    journal.note(options.asked)
    try {
      const response = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ reader: readerId }),
      })
      if (response.ok) options.onDone?.()
      else journal.note(`The server refused: ${(await response.text()).trim()}`, 'trouble')
    } catch (error) {
      // The process that was asked may be the one that was killed, and then there is no answer.
      if (usableIn.includes(state)) journal.note(`The server could not be asked: ${String(error)}`, 'trouble')
    }
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
    setFaults(next) {
      faults = next
      update()
    },
    refuse() {
      isRefused = true
      update()
    },
  }
}

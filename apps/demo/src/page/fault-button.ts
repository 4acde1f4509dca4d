import type { About } from '../samples.ts'
import { byId } from './element.ts'
import type { Journal } from './journal.ts'

export interface FaultButton {
  /** Whether there is a stream to harm now. */
  setOpen(isOpen: boolean): void
  setFaults(faults: About['faults']): void
}

export interface FaultButtonOptions {
  /** Of the button; its help is `<id>-help`. */
  id: string
  path: string
  pageId: string
  help: string
  /** For the journal. */
  asked: string
  journal: Journal
}

/** Asks the server to do something bad to this page's connection. */
export function createFaultButton(options: FaultButtonOptions): FaultButton {
  const { id, path, pageId, journal } = options
  const button = byId(id, HTMLButtonElement)
  const help = byId(`${id}-help`, HTMLParagraphElement)
  let isOpen = false
  let faults: About['faults'] = 'allowed'

  /** Not `disabled`: the button keeps the focus while the connection it has cut comes back. */
  function update(): void {
    button.setAttribute('aria-disabled', String(!isOpen || faults === 'loopback-only'))
    help.textContent =
      faults === 'allowed' ? options.help : 'Only a page on the machine itself may break its connection.'
  }

  async function inject(): Promise<void> {
    journal.note(options.asked)
    try {
      const response = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ page: pageId }),
      })
      if (!response.ok) journal.note(`The server refused: ${(await response.text()).trim()}`, 'trouble')
    } catch (error) {
      // The process that was asked may be the one that was killed, and then there is no answer.
      if (isOpen) journal.note(`The server could not be asked: ${String(error)}`, 'trouble')
    }
  }

  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') void inject()
  })
  update()
  return {
    setOpen(next) {
      isOpen = next
      update()
    },
    setFaults(next) {
      faults = next
      update()
    },
  }
}

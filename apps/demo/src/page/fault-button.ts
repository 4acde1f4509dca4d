import type { About } from '../samples.ts'
import { byId } from './element.ts'
import type { Journal } from './journal.ts'

export interface CutButton {
  /** Whether there is a stream to cut now. */
  setOpen(isOpen: boolean): void
  setFaults(faults: About['faults']): void
}

/** Asks the server to break this page's connection. */
export function createCutButton(pageId: string, journal: Journal): CutButton {
  const button = byId('cut', HTMLButtonElement)
  const help = byId('cut-help', HTMLParagraphElement)
  let isOpen = false
  let faults: About['faults'] = 'allowed'

  /** Not `disabled`: the button keeps the focus while the connection it has cut comes back. */
  function update(): void {
    button.setAttribute('aria-disabled', String(!isOpen || faults === 'loopback-only'))
    help.textContent =
      faults === 'allowed'
        ? "The server drops this page's stream without a goodbye."
        : 'Only a page on the machine itself may break its connection.'
  }

  async function cut(): Promise<void> {
    journal.note('You asked the server to cut the connection.')
    try {
      const response = await fetch('/faults/cut', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ page: pageId }),
      })
      if (!response.ok) journal.note(`The server refused: ${(await response.text()).trim()}`, 'trouble')
    } catch (error) {
      journal.note(`The server could not be asked: ${String(error)}`, 'trouble')
    }
  }

  button.addEventListener('click', () => {
    if (button.getAttribute('aria-disabled') !== 'true') void cut()
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

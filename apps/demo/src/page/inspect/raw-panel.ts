import { create } from '../element.ts'
import { formatMemory } from '../format.ts'
import { labelled } from './labelled.ts'
import type { RawBytes } from './raw-bytes.ts'

/** The bytes, as text or as a hex dump. */
export function createRawPanel(): {
  element: HTMLElement
  onFormChange(callback: () => void): void
  show(raw: RawBytes): void
} {
  const element = create('div')
  const choice = labelled('Show as', create('select'))
  choice.control.append(new Option('Text', 'text'), new Option('Hex', 'hex'))
  choice.element.classList.add('inspect-choice')
  const bytes = create('pre', 'inspect-bytes')
  bytes.tabIndex = 0
  bytes.setAttribute('role', 'region')
  bytes.setAttribute('aria-label', 'Bytes')
  const note = create('p', 'rate')
  element.append(choice.element, bytes, note)
  let shown: { raw: RawBytes; form: string; kept: number } | undefined
  return {
    element,
    onFormChange(callback) {
      choice.control.addEventListener('change', callback)
    },
    show(raw) {
      const form = choice.control.value === 'hex' ? 'hex' : 'text'
      const kept = raw.byteCount - raw.leftOut
      note.textContent = raw.leftOut === 0 ? '' : `${formatMemory(raw.leftOut)} more are not shown.`
      if (shown?.raw === raw && shown.form === form && shown.kept === kept) return
      shown = { raw, form, kept }
      bytes.textContent = raw.show(form)
    },
  }
}

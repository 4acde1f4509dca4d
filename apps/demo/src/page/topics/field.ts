import { create } from '../element.ts'

/** A line of text with its label. */
export function createField(label: string, value: string): [HTMLLabelElement, HTMLInputElement] {
  const element = create('label', 'field', label)
  const input = create('input')
  input.type = 'text'
  input.value = value
  input.autocomplete = 'off'
  input.spellcheck = false
  element.append(input)
  return [element, input]
}

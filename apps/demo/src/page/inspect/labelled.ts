import { create } from '../element.ts'

/** A form control under its name. */
export function labelled<Control extends HTMLElement>(
  text: string,
  control: Control,
): { element: HTMLLabelElement; control: Control } {
  const element = create('label', 'inspect-label')
  element.append(create('span', '', text), control)
  return { element, control }
}

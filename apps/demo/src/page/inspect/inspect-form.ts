import { maxInspectedSeconds } from '@sse-toolkit/cli/inspect'
import type { InspectOrder } from '@sse-toolkit/cli/inspect'
import { create } from '../element.ts'
import { labelled } from './labelled.ts'

/** Asks what to look at. */
export function createInspectForm(): {
  element: HTMLFormElement
  onSubmit(callback: (order: InspectOrder) => void): void
  onStop(callback: () => void): void
  setRunning(isRunning: boolean): void
} {
  const form = create('form', 'card inspect-form')
  const title = create('h2', '', 'Inspect a stream')
  title.id = 'inspect-title'
  const lead = create(
    'p',
    'lead',
    'The server requests the stream as a browser would, and shows the response byte by byte and in plain words. ' +
      'It connects to this machine only, unless you start the demo with ',
  )
  lead.append(create('code', 'option', '--allow-inspect'), '.')
  const url = labelled('Address', create('input'))
  url.control.type = 'url'
  url.control.required = true
  url.control.value = new URL('/events', location.href).href
  const method = labelled('Method', create('select'))
  method.control.append(new Option('GET'), new Option('POST'))
  const duration = labelled('Seconds', create('input'))
  Object.assign(duration.control, {
    type: 'number',
    min: '1',
    max: String(maxInspectedSeconds),
    value: '30',
    required: true,
  })
  const fields = labelled('Header fields, one per line', create('textarea'))
  Object.assign(fields.control, { rows: 2, placeholder: 'Last-Event-ID: 42', spellcheck: false })
  const body = labelled('Content of the POST', create('textarea'))
  Object.assign(body.control, { rows: 2, spellcheck: false })
  body.element.hidden = true
  const submit = create('button', 'fault-button button-start', 'Inspect')
  const stopButton = create('button', 'plain-button button-stop', 'Stop')
  stopButton.type = 'button'
  stopButton.setAttribute('aria-disabled', 'true')
  const problem = create('p', 'inspect-problem')
  problem.setAttribute('role', 'alert')
  const row = create('div', 'inspect-row')
  row.append(url.element, method.element, duration.element)
  const actions = create('div', 'inspect-actions')
  actions.append(submit, stopButton, problem)
  form.append(title, lead, row, fields.element, body.element, actions)
  method.control.addEventListener('change', () => {
    body.element.hidden = method.control.value === 'GET'
  })

  return {
    element: form,
    onSubmit(callback) {
      form.addEventListener('submit', (event) => {
        event.preventDefault()
        const parsed = parseFields(fields.control.value)
        problem.textContent = typeof parsed === 'string' ? parsed : ''
        if (typeof parsed === 'string') return
        const isPost = method.control.value === 'POST'
        callback({
          url: url.control.value,
          method: isPost ? 'POST' : 'GET',
          fields: parsed,
          body: isPost ? body.control.value : '',
          seconds: Number(duration.control.value),
        })
      })
    },
    onStop(callback) {
      stopButton.addEventListener('click', callback)
    },
    setRunning(isRunning) {
      stopButton.setAttribute('aria-disabled', String(!isRunning))
    },
  }
}

/** @returns What is wrong with the text, if something is. */
function parseFields(text: string): [name: string, value: string][] | string {
  const pairs: [name: string, value: string][] = []
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const [, name, value] = /^\s*([^\s:]+)\s*:\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined || value === undefined)
      return `This is not a header field, "Name: value": ${line.slice(0, 60)}`
    pairs.push([name, value])
  }
  return pairs
}

import { create } from '../element.ts'
import { readRefusal } from '../refusal.ts'
import { createField } from './field.ts'

/** Publishes what one types, where the server lets this page. */
export function createPublishForm(): HTMLElement {
  const card = create('section', 'card')
  const title = create('h3', '', 'Publish')
  title.id = 'publish-title'
  card.setAttribute('aria-labelledby', title.id)
  const form = create('form', 'form')
  const [topicLabel, topic] = createField('Topic', 'play.hello')
  const [typeLabel, type] = createField('Event type', 'greeting')
  const dataLabel = create('label', 'field field-wide', 'Data: JSON or text')
  const data = create('textarea')
  data.rows = 3
  data.value = '{ "hello": "world", "numbers": [1, 2, 3] }'
  dataLabel.append(data)
  const button = create('button', 'fault-button', 'Publish')
  button.type = 'submit'
  const answer = create('output', 'form-answer')
  form.append(topicLabel, typeLabel, dataLabel, button, answer)
  const note = create('p', 'lead', 'Subscribers see it at once, and the log keeps it for ten minutes.')
  card.append(title, note, form)

  async function publish(): Promise<void> {
    try {
      const response = await fetch('/publish', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          topic: topic.value,
          event: type.value || undefined,
          data: valueOf(data.value),
        }),
      })
      answer.dataset.kind = response.ok ? 'good' : 'trouble'
      answer.textContent = response.ok
        ? `Published as ${((await response.json()) as { id: string }).id}.`
        : await readRefusal(response)
    } catch (error) {
      answer.dataset.kind = 'trouble'
      answer.textContent = `The request failed: ${String(error)}`
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void publish()
  })
  return card
}

/** A text that is JSON is sent as its value, so that it is looked at as a tree. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return text
    throw error
  }
}

import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceClient, Gap } from '@sse-toolkit/event-source-client'
import { create } from '../element.ts'
import { createExplainingFetch } from '../refusal.ts'
import type { View } from '../view.ts'
import { createEventList } from './event-list.ts'
import { createField } from './field.ts'
import { createPublishForm } from './publish-form.ts'

/** Reads any topics, from any place in the log, and publishes. */
export function createTopicsView(): View {
  const element = create('section', 'view view-topics')
  const heading = create('h2', 'view-title', 'Topics')
  heading.id = 'topics-title'
  element.setAttribute('aria-labelledby', heading.id)

  const card = create('section', 'card card-log')
  const title = create('h3', '', 'Subscribe')
  const form = create('form', 'form')
  const [patternsLabel, patterns] = createField('Topics and patterns', 'machine.* play.>')
  const [fromLabel, from] = createField('Start after: an id, earliest, or empty for now', '')
  const subscribeButton = createButton('Subscribe', 'submit')
  subscribeButton.classList.add('button-start')
  const stopButton = createButton('Stop')
  stopButton.classList.add('button-stop')
  const status = create('output', 'form-answer')
  const lead = create('p', 'lead', 'In a pattern, * matches one token, and > matches all tokens that follow.')
  form.append(patternsLabel, fromLabel, subscribeButton, stopButton, status)

  const tools = create('div', 'form')
  const [filterLabel, filter] = createField('Show only events that contain', '')
  const pauseButton = createButton('Pause')
  pauseButton.setAttribute('aria-pressed', 'false')
  const clearButton = createButton('Clear')
  const count = create('output', 'form-answer')
  tools.append(filterLabel, pauseButton, clearButton, count)
  const events = createEventList((text) => {
    count.textContent = text
  })
  card.append(title, lead, form, tools, events.element)
  element.append(heading, card, createPublishForm())

  let source: EventSourceClient | undefined
  // What was subscribed to when the view was hidden, to go on with. At first: what the form says, so that there is
  // something to see.
  let left: { readonly topics: readonly string[]; readonly position: string } | undefined = {
    topics: topicsOf(patterns.value),
    position: '',
  }
  let topics: readonly string[] = []

  function subscribe(position: string): void {
    source?.close()
    const url = `/topics?${new URLSearchParams(topics.map((topic) => ['topic', topic])).toString()}`
    const explaining = createExplainingFetch()
    const opened = createEventSource(url, {
      lastEventId: position,
      events: undefined,
      fetch: explaining.fetch,
    })
    source = opened
    opened.onStatus((next) => {
      if (next.state === 'closed' && next.reason === 'client') return
      const cause = 'cause' in next && next.cause !== undefined ? `: ${next.cause.message}` : ''
      switch (next.state) {
        case 'open':
          say('good', `Reads ${topics.join(', ')}`)
          break
        case 'closed':
          say('trouble', `Not subscribed. ${explaining.refusal ?? `${next.reason}${cause}`}`)
          ended()
          break
        case 'connecting':
        case 'reconnecting':
        case 'paused':
        default:
          say('trouble', `${next.state}${cause}`)
      }
    })
    opened.onGap((announced) => {
      say('trouble', `Reads ${topics.join(', ')}. ${describeGap(announced)}`)
    })
    opened.onAny(({ type, data, lastEventId }) => list(type, data, lastEventId))
    opened.onError((error) => list('error', error.message, opened.lastEventId))
    stopButton.setAttribute('aria-disabled', 'false')
  }

  function say(kind: 'good' | 'trouble', text: string): void {
    status.dataset.kind = kind
    status.textContent = text
  }

  function list(type: string, data: string, id: string): void {
    events.add({ atMs: Date.now(), id, type, data })
  }

  function stop(): void {
    source?.close()
    ended()
  }

  function ended(): void {
    source = undefined
    stopButton.setAttribute('aria-disabled', 'true')
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    topics = topicsOf(patterns.value)
    events.clear()
    if (topics.length > 0) {
      subscribe(from.value.trim())
      return
    }
    stop()
    say('trouble', 'Not subscribed. Name a topic or a pattern, such as machine.*')
  })
  stopButton.addEventListener('click', () => {
    if (source === undefined) return
    stop()
    delete status.dataset.kind
    status.textContent = 'Stopped'
  })
  pauseButton.addEventListener('click', () => {
    const isPaused = pauseButton.getAttribute('aria-pressed') !== 'true'
    pauseButton.setAttribute('aria-pressed', String(isPaused))
    events.setPaused(isPaused)
  })
  clearButton.addEventListener('click', () => events.clear())
  filter.addEventListener('input', () => events.setFilter(filter.value))

  return {
    path: 'topics',
    title: 'Topics',
    element,
    show() {
      if (left === undefined) return
      ;({ topics } = left)
      subscribe(left.position)
      left = undefined
    },
    hide() {
      if (source === undefined) return
      left = { topics, position: source.lastEventId }
      stop()
    },
  }
}

/** The gap with which the stream begins instead of the requested position. */
function describeGap({ reason, requested }: Gap): string {
  const position = JSON.stringify(requested?.slice(0, 60) ?? '')
  switch (reason) {
    case 'epoch':
      return `This log never had the event ${position}, so it replays all of its events.`
    case 'evicted':
      return `The log no longer has the events after ${position}, so it replays all that it has.`
    case 'future':
      return `The log ends before ${position}, so only new events follow.`
    case 'dropped':
    default:
      return 'This page read too slowly, so some events were dropped.'
  }
}

function topicsOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((pattern) => pattern !== '')
}

function createButton(text: string, type: 'button' | 'submit' = 'button'): HTMLButtonElement {
  const button = create('button', type === 'submit' ? 'fault-button' : 'plain-button', text)
  button.type = type
  return button
}

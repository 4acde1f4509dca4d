import { create } from '../element.ts'
import { formatClock, formatCount } from '../format.ts'
import { createJsonTree } from './json-tree.ts'

/** As many are shown, and as many wait while the list is paused; beyond it the oldest go. */
const MAX_EVENTS = 300

interface ListedEvent {
  readonly atMs: number
  readonly id: string
  readonly type: string
  readonly data: string
}

/** The latest events, newest first. */
export interface EventList {
  readonly element: HTMLElement
  add(event: ListedEvent): void
  setPaused(isPaused: boolean): void
  /** Shows those that contain the text, in their type, id or data. */
  setFilter(text: string): void
  clear(): void
}

/** @param showCount - Called with the state of the list, in words. */
export function createEventList(showCount: (text: string) => void): EventList {
  const list = create('ol', 'event-list')
  list.tabIndex = 0
  list.setAttribute('aria-label', 'Events, newest first')
  let waiting: ListedEvent[] = []
  let isPaused = false
  let frame: number | undefined
  let filter = ''
  let received = 0
  let dropped = 0

  const matches = (entry: Element): boolean => entry.textContent.toLowerCase().includes(filter)

  function update(): void {
    frame = undefined
    if (!isPaused && waiting.length > 0) {
      const entries = waiting.map(createEntry).toReversed()
      waiting = []
      for (const entry of entries) entry.hidden = !matches(entry)
      list.prepend(...entries)
      while (list.childElementCount > MAX_EVENTS) list.lastElementChild?.remove()
    }
    const left = dropped === 0 ? '' : `, ${formatCount(dropped)} of them left out`
    showCount(
      isPaused ? `Paused: ${formatCount(waiting.length)} wait${left}` : `${formatCount(received)} received`,
    )
  }

  function schedule(): void {
    frame ??= requestAnimationFrame(update)
  }

  return {
    element: list,
    add(event) {
      received += 1
      waiting.push(event)
      if (waiting.length > MAX_EVENTS) {
        waiting.shift()
        if (isPaused) dropped += 1
      }
      schedule()
    },
    setPaused(next) {
      isPaused = next
      dropped = 0
      schedule()
    },
    setFilter(text) {
      filter = text.trim().toLowerCase()
      for (const entry of list.children) (entry as HTMLElement).hidden = !matches(entry)
    },
    clear() {
      waiting = []
      received = 0
      dropped = 0
      list.replaceChildren()
      schedule()
    },
  }
}

function createEntry({ atMs, id, type, data }: ListedEvent): HTMLElement {
  const entry = create('li', 'event')
  const details = create('details')
  const summary = create('summary', 'event-summary')
  summary.append(
    create('time', 'event-time', formatClock(atMs)),
    create('code', 'event-type', type),
    create('code', 'event-data', data.slice(0, 300)),
    create('code', 'event-id', id),
  )
  details.append(summary)
  // Most are never opened.
  details.addEventListener('toggle', () => details.append(createJsonTree(parse(data))), { once: true })
  entry.append(details)
  return entry
}

/** Data that is not JSON is text. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch (error) {
    if (error instanceof SyntaxError) return data
    throw error
  }
}

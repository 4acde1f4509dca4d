import { create } from './element.ts'
import { formatClock } from './format.ts'

const MAX_ENTRIES = 60

export interface Journal {
  /** Adds a sentence, newest first. */
  note(text: string, kind?: 'plain' | 'good' | 'trouble' | 'gap'): void
  /** Another place where it is shown. */
  showIn(list: HTMLOListElement): void
}

export function createJournal(wallClock: () => number): Journal {
  const lists: HTMLOListElement[] = []
  return {
    note(text, kind = 'plain') {
      const entry = create('li', 'journal-entry')
      entry.dataset.kind = kind
      const time = create('time', 'journal-time', formatClock(wallClock()))
      time.dateTime = new Date(wallClock()).toISOString()
      entry.append(time, create('span', 'journal-text', text))
      for (const list of lists) {
        list.prepend(entry.cloneNode(true))
        while (list.childElementCount > MAX_ENTRIES) list.lastElementChild?.remove()
      }
    },
    showIn(list) {
      list.append(...Array.from(lists[0]?.children ?? [], (entry) => entry.cloneNode(true)))
      lists.push(list)
    },
  }
}

import type { Block } from '@sse-toolkit/cli/inspect'
import { create } from '../element.ts'
import { formatCount, formatDuration } from '../format.ts'

const SHOWN_BLOCKS = 100
const SHOWN_TEXT = 160

/** The latest blocks, newest first; each is drawn once. */
export function createEventTable(): { element: HTMLElement; show(blocks: readonly Block[]): void } {
  const element = create('div', 'inspect-scroll')
  element.tabIndex = 0
  element.setAttribute('role', 'region')
  element.setAttribute('aria-label', 'Events and comments, the latest first')
  const table = create('table', 'inspect-table')
  const headRow = table.createTHead().insertRow()
  for (const name of ['After', 'Bytes', 'Type', 'Id', 'Data or comment']) {
    const cell = create('th', '', name)
    cell.scope = 'col'
    headRow.append(cell)
  }
  const rows = table.createTBody()
  element.append(table)
  const shown = new Set<Block>()
  return {
    element,
    show(blocks) {
      const latest = blocks.slice(-SHOWN_BLOCKS)
      // Another inspection.
      if (shown.size > 0 && !latest.some((block) => shown.has(block))) {
        shown.clear()
        rows.replaceChildren()
      }
      for (const block of latest) {
        if (shown.has(block)) continue
        shown.add(block)
        rows.prepend(rowOf(block))
      }
      while (rows.rows.length > SHOWN_BLOCKS) rows.lastElementChild?.remove()
      for (const block of shown) {
        if (shown.size <= SHOWN_BLOCKS) break
        shown.delete(block)
      }
    },
  }
}

function rowOf(block: Block): HTMLTableRowElement {
  const row = create('tr')
  const { atMs, byteLength, type, id, data, comments, retry } = block
  const isEvent = data !== undefined
  row.dataset.kind = isEvent ? 'event' : 'comment'
  const rest = [...comments.map((text) => `: ${text}`), ...(retry === undefined ? [] : [`retry: ${retry}`])]
  const text = data ?? rest.join(' \u00B7 ')
  for (const cell of [
    formatDuration(atMs),
    formatCount(byteLength),
    isEvent ? (type ?? 'message') : '\u2013',
    id ?? '\u2013',
    text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}\u2026` : text,
  ])
    row.append(create('td', '', cell))
  return row
}

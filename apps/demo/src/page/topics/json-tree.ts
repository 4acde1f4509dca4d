import { create } from '../element.ts'

/** More than this of one array or object is not shown: a page is not a database. */
const MAX_CHILDREN = 200
/** Deeper levels are shown as text. */
const MAX_DEPTH = 12

/** A value as JSON knows it, in levels that open and close. */
export function createJsonTree(value: unknown, depth = 0): HTMLElement {
  if (typeof value !== 'object' || value === null || depth === MAX_DEPTH)
    return create('code', `json-${value === null ? 'null' : typeof value}`, JSON.stringify(value))
  const entries = Object.entries(value)
  const list = create('ul', 'json-tree')
  for (const [name, child] of entries.slice(0, MAX_CHILDREN)) {
    const item = create('li')
    item.append(create('span', 'json-name', name), createJsonTree(child, depth + 1))
    list.append(item)
  }
  if (entries.length > MAX_CHILDREN)
    list.append(create('li', '', `and ${entries.length - MAX_CHILDREN} more`))
  if (depth === 0) return list
  const level = create('details', 'json-level')
  level.open = depth < 3
  level.append(
    create('summary', '', Array.isArray(value) ? `${entries.length} items` : `${entries.length} fields`),
    list,
  )
  return level
}

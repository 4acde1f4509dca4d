/**
 * What is at a path within JSON: `order.items.0.name`. A path without a name is the whole.
 *
 * @returns undefined if it is not there, or `data` is not JSON.
 */
export function valueAt(data: string, path: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return undefined
  }
  for (const name of path.split('.').filter((each) => each !== '')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Reflect.get(value, name)
  }
  return value
}

/** A string as it is, anything else as JSON. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

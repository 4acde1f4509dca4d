import type { HubEvent } from '@sse-toolkit/sse-server'
import { textOf, valueAt } from '../output/data-path.ts'

/** What the lines are: the data of events, or whole events as JSON. */
export type LineForm =
  | { readonly json: false; readonly event: string | undefined }
  | { readonly json: true; readonly idPath: string | undefined }

export interface LineEvent {
  readonly topic: string
  readonly event: HubEvent & { readonly key?: string }
  /** Of two with the same one, the second is a repeat. */
  readonly idempotencyKey: string | undefined
}

/** @throws an Error that says what is wrong with the line. */
export function eventOfLine(line: string, form: LineForm, usualTopic: string): LineEvent {
  if (!form.json) {
    const type = form.event === undefined ? {} : { event: form.event }
    return { topic: usualTopic, event: { data: line, ...type }, idempotencyKey: undefined }
  }
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw new Error(`not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !('data' in value))
    throw new Error('expected an object with "data", and maybe "event", "topic" and "key"')
  const { data, event, topic = usualTopic, key } = value as Readonly<Record<string, unknown>>
  if (event !== undefined && typeof event !== 'string') throw new Error('"event" must be a string')
  if (key !== undefined && typeof key !== 'string') throw new Error('"key" must be a string')
  if (typeof topic !== 'string') throw new Error('"topic" must be a string')
  const id = form.idPath === undefined ? undefined : valueAt(line, form.idPath)
  if (form.idPath !== undefined && id === undefined) throw new Error(`nothing at ${form.idPath} (--id)`)
  return {
    topic,
    event: { data, ...(event !== undefined && { event }), ...(key !== undefined && { key }) },
    idempotencyKey: id === undefined ? undefined : textOf(id),
  }
}

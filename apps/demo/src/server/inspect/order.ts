import { validateHeaderName, validateHeaderValue } from 'node:http'
import { maxInspectedSeconds } from '@sse-toolkit/cli/inspect'
import type { InspectOrder } from '@sse-toolkit/cli/inspect'
import { InspectionError } from '@sse-toolkit/cli/inspect/node'

const MAX_FIELDS = 30
/** Fields that decide where the request goes or where it ends. The sender may not set them. */
const RESERVED_FIELDS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
])

/**
 * Reads the parameters of an inspection.
 *
 * @throws {@link InspectionError} `code: 'invalid-order'`, with the part and its value.
 */
export function parseOrder(json: unknown): InspectOrder {
  const {
    url,
    method = 'GET',
    fields = [],
    body = '',
    seconds = 30,
  } = (json ?? {}) as Partial<Record<keyof InspectOrder, unknown>>
  if (typeof url !== 'string' || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    refuse('url', url, 'an http or https URL')
  if (method !== 'GET' && method !== 'POST') refuse('method', method, 'GET or POST')
  if (typeof body !== 'string' || (method === 'GET' && body !== ''))
    refuse('body', body, 'a text, of a POST only')
  if (typeof seconds !== 'number' || !(seconds >= 1 && seconds <= maxInspectedSeconds))
    refuse('seconds', seconds, `a number from 1 to ${maxInspectedSeconds}`)
  if (!Array.isArray(fields) || fields.length > MAX_FIELDS)
    refuse('fields', fields, `at most ${MAX_FIELDS} pairs`)
  return { url, method, body, seconds, fields: fields.map(parseField) }
}

function parseField(field: unknown): [name: string, value: string] {
  const [name, value] = Array.isArray(field) ? (field as unknown[]) : []
  if (typeof name !== 'string' || typeof value !== 'string')
    refuse('fields', field, 'pairs of a name and a value')
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch (error) {
    throw new InspectionError('invalid-order', `fields: ${(error as Error).message.slice(0, 120)}`, {
      cause: error,
    })
  }
  if (RESERVED_FIELDS.has(name.toLowerCase())) refuse('fields', name, 'fields that do not frame the request')
  return [name, value]
}

function refuse(part: string, value: unknown, expected: string): never {
  const shown = (JSON.stringify(value) ?? 'missing').slice(0, 80)
  throw new InspectionError('invalid-order', `${part} is ${shown}: it must be ${expected}`)
}

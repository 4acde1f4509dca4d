/** The process in which all formatters are measured in turns. */
import { createParser } from 'eventsource-parser'
import type { EventSourceMessage } from 'eventsource-parser'
import { DeliveryError } from '../errors/delivery-error.ts'
import { serveCalls } from '../worker/serve-calls.ts'
import { formatCases } from './cases.ts'
import type { FormatCase } from './cases.ts'
import { formatters } from './formatters.ts'
import type { Format } from './formatters.ts'

// The ids differ, as they do in life, so that no engine can make one string of all.
const ids = Array.from({ length: 1024 }, (_, seq) => `k3v9x0q2-${seq}`)
// To be sent a string has to become bytes: without that, V8 would only note what is to be joined.
const bytes = Buffer.allocUnsafe(65_536)

const loaded = new Map<string, Format>()

const methods = {
  /** @returns CPU nanoseconds for each event, by case. */
  async measure(name: string, windowMs: number): Promise<Record<string, number>> {
    const formatter = formatters.find((each) => each.name === name)
    if (formatter === undefined) throw new TypeError(`There is no formatter ${name}`)
    const format = loaded.get(name) ?? (await formatter.load())
    loaded.set(name, format)
    const values: Record<string, number> = {}
    for (const formatCase of formatCases) {
      verify(format, formatter.textForm, formatCase)
      run(format, formatCase, windowMs / 4)
      values[formatCase.id] = run(format, formatCase, windowMs)
    }
    return values
  },
}

export type FormatMethods = typeof methods

/** An event source has to read from it what was given. */
function verify(format: Format, textForm: 'as it is' | 'JSON', { title, data, text }: FormatCase): void {
  const expected = typeof data === 'string' && textForm === 'JSON' ? JSON.stringify(text) : text
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  parser.feed(format('k3v9x0q2-7', data))
  const [event] = events
  if (events.length !== 1 || event?.data !== expected || event.id !== 'k3v9x0q2-7') {
    throw new DeliveryError(`its block for ${title} is not the event that was given`)
  }
}

function run(format: Format, { data }: FormatCase, windowMs: number): number {
  const cpuBefore = process.cpuUsage()
  const until = performance.now() + windowMs
  let events = 0
  do {
    for (const id of ids) bytes.write(format(id, data))
    events += ids.length
  } while (performance.now() < until)
  const { user, system } = process.cpuUsage(cpuBefore)
  return ((user + system) * 1000) / events
}

serveCalls(methods)

import { OptionError } from '../errors/option-error.ts'
import { fetchTransport } from './fetch.ts'
import type { Transport } from './transport.ts'

/** The transport where no other is given; the `imports` map of package.json has another module for Node. */
export function defaultTransport(dispatcher: unknown): Transport {
  if (dispatcher !== undefined) throw new OptionError('dispatcher', dispatcher, 'undefined outside Node')
  return fetchTransport()
}

/** Only Node counts listeners. */
export function allowManyListeners(_target: EventTarget): void {}

import './require-node.node.ts'
import { setMaxListeners } from 'node:events'
import { OptionError } from '../errors/option-error.ts'
import type { Transport } from './transport.ts'
import { undiciTransport } from './undici.node.ts'
import type { UndiciDispatcher } from './undici.node.ts'

/** The transport where no other is given, in Node. */
export function defaultTransport(dispatcher: UndiciDispatcher | undefined): Transport {
  if (dispatcher !== undefined && typeof (dispatcher as UndiciDispatcher | null)?.dispatch !== 'function')
    throw new OptionError('dispatcher', dispatcher, 'an undici Dispatcher')
  return undiciTransport(dispatcher)
}

/** Node warns of more than ten listeners as if they were a leak. Many listeners are usual on an event source. */
export function allowManyListeners(target: EventTarget): void {
  setMaxListeners(0, target)
}

import { undiciTransport } from './undici.node.ts'
import type { UndiciDispatcher } from './undici.node.ts'
import type { Transport } from './transport.ts'

/** The transport where no other is given, in Node. */
export function defaultTransport(dispatcher: UndiciDispatcher | undefined): Transport {
  return undiciTransport(dispatcher)
}

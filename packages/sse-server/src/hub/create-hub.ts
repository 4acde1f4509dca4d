import { EventHub } from './event-hub.ts'
import type { Hub } from './hub.ts'
import type { HubOptions, TopicSchemas } from './hub-options.ts'

/**
 * Creates a hub.
 *
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { createHub } from '@sse-toolkit/sse-server'
 *
 * const hub = createHub()
 * await hub.publish('orders.42', { event: 'paid', data: { total: 12 } })
 *
 * const request = new Request('http://localhost/events?lastEventId=earliest')
 * const response = await hub.subscribe(request, { patterns: ['orders.*'] })
 * await hub.close()
 * ```
 */
export function createHub<Schemas extends TopicSchemas = TopicSchemas>(
  options: HubOptions<Schemas> = {},
): Hub<Schemas> {
  // Schemas narrow what may be published; at run time any hub takes any event, or checks it by `validate`.
  return new EventHub(options) as Hub<Schemas>
}

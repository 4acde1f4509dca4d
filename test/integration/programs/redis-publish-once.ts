/**
 * Publishes one event, and ends. Prints `publishing`, then `stored`.
 *
 * Arguments: Redis' URL.
 */
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'

const [url = ''] = process.argv.slice(2)
const log = redisLog({ url, commandTimeoutMs: 30_000, onError: (error) => console.error(String(error)) })
const hub = createHub({ log, heartbeatIntervalMs: 0 })
console.log('publishing')
await hub.publish('numbers', { data: 1 })
console.log('stored')
await hub.close()
await log.close()

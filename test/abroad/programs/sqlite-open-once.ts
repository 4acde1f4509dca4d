/**
 * Opens a log in a file, stores one event, and closes it. Prints the event's id.
 *
 * Arguments: the file.
 */
import { createHub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'

const [path = ''] = process.argv.slice(2)
const log = sqliteLog({ path })
const hub = createHub({ log })
const { id } = await hub.publish('numbers', { data: 1 })
await hub.close()
await log.close()
console.log(id)

import { logScript } from './prelude.ts'

/**
 *     ARGV  8 topic  9 owner  10 token  11 leaseMs
 *     ->    the log's state, the state that the topic was in
 *
 * Repeated with the same token, it gives the same answer.
 */
export const claimScript: string = logScript(String.raw`
local topic, owner, token, lease = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local its, record = status(topic)
local claim = 'r|' .. owner .. '|' .. token .. '|'
if its == 'open' then
  write('HSET', finite, topic, claim .. text(seq) .. '|')
  write('ZADD', due, now + lease, topic)
elseif its == 'running' and string.sub(record, 1, #claim) == claim then
  its = 'open'
end
local reply = state_of_log()
reply[#reply + 1] = its
return reply
`)

/**
 *     ARGV  8 topic  9 event  10 token  11 ttlMs
 *     ->    the log's state, the seq of the end; '' if it had ended before
 *
 * Repeated with the same token, it gives the same answer.
 */
export const endScript: string = logScript(String.raw`
local topic, event, token, ttl = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local its, record = status(topic)
local at = ''
if its == 'open' or its == 'running' then
  store({ { topic, event, 'end:' .. token } })
  at = text(seq)
  write('HSET', finite, topic, 'e|' .. at .. '|' .. token .. '|' .. claimed_at(record))
  write('HSET', ends, topic, event)
  write('ZADD', due, now + ttl, topic)
elseif its == 'ended' and string.match(record, '^e|%d+|([^|]*)') == token then
  at = string.match(record, '^e|(%d+)')
end
local reply = state_of_log()
reply[#reply + 1] = at
return reply
`)

/**
 *     ARGV  8 topic
 *     ->    the log's state, its state
 *
 * Every process gets a message at once. Since messages can be lost, the owner is told again when it renews its lease.
 */
export const cancelScript: string = logScript(String.raw`
local topic = ARGV[8]
local its, record = status(topic)
if its == 'running' then
  write('HSET', finite, topic, string.match(record, '^(.*|)[^|]*$') .. 'cancelled')
  write('SPUBLISH', channel, 'cancel ' .. topic)
end
local reply = state_of_log()
reply[#reply + 1] = its
return reply
`)

/**
 *     ARGV  8... topics
 *     ->    the log's state, then for each its state, and the seq of its end or ''
 */
export const statusScript: string = logScript(String.raw`
local reply = state_of_log()
for each = 8, #ARGV do
  local its, record = status(ARGV[each])
  reply[#reply + 1] = its
  reply[#reply + 1] = its == 'ended' and string.match(record, '^e|(%d+)') or ''
end
return reply
`)

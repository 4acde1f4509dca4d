import { prelude } from './prelude.ts'

/**
 *     ARGV  8 topic  9 owner  10 token  11 leaseMs
 *     ->    epoch, seq, base, the state that the topic was in
 *
 * Repeated with the same token, it gives the same answer.
 */
export const claimScript: string = String.raw`${prelude}
local topic, owner, token, lease = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local its, record = status(topic)
local claim = 'r|' .. owner .. '|' .. token .. '|'
if its == 'open' then
  call('HSET', finite, topic, claim .. text(seq) .. '|')
  call('ZADD', due, now + lease, topic)
elseif its == 'running' and string.sub(record, 1, #claim) == claim then
  its = 'open'
end
return { epoch, text(seq), text(base), its }
`

/**
 *     ARGV  8 topic  9 event  10 token  11 ttlMs
 *     ->    epoch, seq, base, the seq of the end; '' if it had ended before
 *
 * Repeated with the same token, it gives the same answer.
 */
export const endScript: string = String.raw`${prelude}
local topic, event, token, ttl = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local its, record = status(topic)
local at = ''
if its == 'open' or its == 'running' then
  store({ { topic, event, 'end:' .. token } })
  at = text(seq)
  call('HSET', finite, topic, 'e|' .. at .. '|' .. token .. '|' .. claimed_at(record))
  call('HSET', ends, topic, event)
  call('ZADD', due, now + ttl, topic)
elseif its == 'ended' and string.match(record, '^e|%d+|([^|]*)') == token then
  at = string.match(record, '^e|(%d+)')
end
return { epoch, text(seq), text(base), at }
`

/**
 *     ARGV  8 topic
 *     ->    epoch, seq, base, its state
 *
 * Every process gets a message at once. Since messages can be lost, the owner is told again when it renews its lease.
 */
export const cancelScript: string = String.raw`${prelude}
local topic = ARGV[8]
local its, record = status(topic)
if its == 'running' then
  call('HSET', finite, topic, string.match(record, '^(.*|)[^|]*$') .. 'cancelled')
  call('SPUBLISH', channel, 'cancel ' .. topic)
end
return { epoch, text(seq), text(base), its }
`

/**
 *     ARGV  8... topics
 *     ->    epoch, seq, base, then for each its state, and the seq of its end or ''
 */
export const statusScript: string = String.raw`${prelude}
local reply = { epoch, text(seq), text(base) }
for each = 8, #ARGV do
  local its, record = status(ARGV[each])
  reply[#reply + 1] = its
  reply[#reply + 1] = its == 'ended' and string.match(record, '^e|(%d+)') or ''
end
return reply
`

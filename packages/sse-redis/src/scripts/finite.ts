import { holdingEvents, makingRoom } from './holding.ts'
import { logScript } from './prelude.ts'

/**
 *     ARGV  8 topic  9 owner  10 token  11 leaseMs
 *     ->    the log's state, the state that the topic was in
 *
 * Repeated with the same token, it gives the same answer.
 */
export const claimScript: string = logScript(String.raw`${holdingEvents}
local topic, owner, token, lease = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local its, record = status(topic)
local claim = 'r|' .. owner .. '|' .. token .. '|'
if its == 'open' then
  local lost, bytes = count_events(topic)
  held_bytes = held_bytes + bytes
  write('HSET', finite, topic, record_of('r', owner, token, text(seq), lost, bytes, ''))
  write('HSET', meta, 'held', text(held_bytes))
  write('ZADD', due, now + lease, topic)
elseif its == 'running' and string.sub(record, 1, #claim) == claim then
  its = 'open'
end
local reply = state_of_log()
reply[#reply + 1] = its
return reply
`)

/**
 *     ARGV  8 topic  9 token  10 ttlMs  11 maxHeldBytes  12... bytes, event: what comes before the end, and the end
 *     ->    the log's state, the seq of the end; '' if it had ended before
 *
 * There is always room for it. Repeated with the same token, it gives the same answer.
 */
export const endScript: string = logScript(String.raw`${holdingEvents}${makingRoom}
local topic, token, ttl = ARGV[8], ARGV[9], tonumber(ARGV[10])
local its, record = status(topic)
local at = ''
if its == 'open' or its == 'running' then
  local events, added = {}, 0
  for each = 12, #ARGV, 2 do
    events[#events + 1] = { topic, ARGV[each + 1], ARGV[each] }
    added = added + tonumber(ARGV[each])
  end
  local lost, bytes, claimed, counted = nil, 0, '0', 0
  if record then
    lost, bytes = holding(record)
    claimed = claimed_at(record)
  else
    lost, counted = count_events(topic)
  end
  make_room(counted + added, tonumber(ARGV[11]))
  bytes = bytes + counted + added
  held_bytes = held_bytes + counted + added
  at = text(seq + #events)
  -- From here on what is evicted of it is held.
  store(events, function()
    write('HSET', finite, topic, record_of('e', at, token, claimed, lost, bytes, ''))
  end)
  write('HSET', meta, 'held', text(held_bytes))
  write('HSET', ends, topic, ARGV[#ARGV])
  write('ZADD', ended, at, topic)
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
 * Every process gets a message at once. Since messages can be lost, the owner is notified again when it renews its lease.
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
 *     ->    the log's state, then for each its state, the seq of its end or '', and that of its newest event
 */
export const statusScript: string = logScript(String.raw`
-- What is known of all of them, in two calls.
local records = call('HLEN', finite) > 1 and call('HMGET', finite, unpack(ARGV, 8)) or {}
local marks = call('ZMSCORE', gone, unpack(ARGV, 8))
local reply = state_of_log()
for each = 8, #ARGV do
  local topic = ARGV[each]
  local its, record = 'open', nil
  if records[each - 7] then its, record = status(topic) end
  local last = its == 'ended' and string.match(record, '^e|(%d+)')
  local newest = last
  if its == 'expired' then
    newest = call('ZSCORE', gone, topic) or text(forgotten)
  elseif not newest then
    local place = call('ZREVRANGEBYLEX', index, '(' .. topic .. '\1', '[' .. topic .. '\0', 'LIMIT', 0, 1)[1]
    newest = place and string.sub(place, -16) or marks[each - 7] or text(forgotten)
  end
  reply[#reply + 1] = its
  reply[#reply + 1] = last or ''
  reply[#reply + 1] = newest
end
return reply
`)

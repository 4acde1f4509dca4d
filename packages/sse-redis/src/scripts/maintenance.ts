import { logScript } from './prelude.ts'
import { producers } from './producers.ts'

/**
 *     ->    the log's state
 */
export const headScript: string = logScript(String.raw`
return state_of_log()
`)

/**
 * What each process runs at every `syncIntervalMs`: it renews its leases, and sweeps what is over.
 *
 *     ARGV  8 owner  9 leaseMs  10 '1' if it may take over topics whose process is gone  11 producerTtlMs
 *           12... topics that it runs
 *     ->    the log's state, '1' if there is more to sweep, then kind and topic, repeatedly:
 *           'cancelled': stop it; 'lost': it has ended, or another process runs it; 'abandoned': this process has it now
 */
export const maintenanceScript: string = logScript(String.raw`${producers}
local owner, lease, adopts = ARGV[8], tonumber(ARGV[9]), ARGV[10] == '1'
local notices = {}

local function tell(kind, topic)
  notices[#notices + 1] = kind
  notices[#notices + 1] = topic
end

write_in_need()
-- Each event has one place in the index. If there are more of one than of the other, something was taken away.
if call('XLEN', log) + call('HLEN', held) ~= call('ZCARD', index) then begin_epoch() end
-- A process that has been silent for an hour sends nothing more, not even a late repeat.
write('ZADD', alive, now, owner)
for _, each in ipairs(call('ZRANGEBYSCORE', alive, '-inf', now - 3600000, 'LIMIT', 0, 100)) do
  write('ZREM', alive, each)
  write('HDEL', writers, each)
end
for each = 12, #ARGV do
  local topic = ARGV[each]
  local record = call('HGET', finite, topic) or ''
  if string.sub(record, 1, #owner + 3) == 'r|' .. owner .. '|' then
    write('ZADD', due, now + lease, topic)
    if string.sub(record, -9) == 'cancelled' then tell('cancelled', topic) end
  else
    tell('lost', topic)
  end
end

-- Up to 500 events.
local function remove_events(topic)
  local members = call('ZRANGEBYLEX', index, '[' .. topic .. '\0', '(' .. topic .. '\1', 'LIMIT', 0, 500)
  for _, each in ipairs(members) do
    write('XDEL', log, text(tonumber(string.sub(each, -16))) .. '-0')
    write('HDEL', held, each)
    write('ZREM', index, each)
  end
  if #members < 500 then write('ZREM', due, topic) end
end

local is_swept = true
for _, topic in ipairs(call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 20)) do
  local record = call('HGET', finite, topic) or 'x'
  local kind = string.sub(record, 1, 1)
  if kind == 'e' then expire(topic, record) end
  if kind == 'e' or kind == 'x' then
    remove_events(topic)
    is_swept = false
  elseif adopts then
    -- All but the process that runs it, and whether it was cancelled.
    write('HSET', finite, topic, 'r|' .. owner .. '||' .. string.match(record, '^%a|[^|]*|[^|]*|(.*|)[^|]*$'))
    write('ZADD', due, now + lease, topic)
    tell('abandoned', topic)
  end
end
local lapsed = call('ZRANGEBYSCORE', lapses, '-inf', now, 'LIMIT', 0, 100)
if #lapsed > 0 then
  write('HDEL', controls, unpack(lapsed))
  write('ZREM', lapses, unpack(lapsed))
end
local silent = call('ZRANGEBYSCORE', producers, '-inf', now - tonumber(ARGV[11]), 'LIMIT', 0, 100)
for _, each in ipairs(silent) do forget_producer(each) end
if #lapsed == 100 or #silent == 100 then is_swept = false end
-- The oldest event is checked on its own, because checking it reads it whole.
if evict(1, true) == 1 and evict(100, true) == 100 then is_swept = false end
local reply = state_of_log()
reply[#reply + 1] = is_swept and '' or '1'
for _, each in ipairs(notices) do reply[#reply + 1] = each end
return reply
`)

/**
 * What every script of the log begins with: the log's state, and the operations that scripts share.
 *
 *     KEYS  1 meta     hash    epoch, seq, base, evicted, forgotten, run
 *           2 log      stream  <seq>-0 -> t topic, a appended at, e event, k token      the events, in one order
 *           3 index    zset    <topic> NUL <seq>, all of score 0                        the places of each topic
 *           4 gone     zset    topic -> seq of its newest event that is gone
 *           5 finite   hash    topic -> r|owner|token|claimed at|, e|seq of its end|token|claimed at, x
 *           6 ends     hash    topic -> its last event, readable even after the log has evicted it
 *           7 due      zset    topic -> when its lease ends, or its time is over
 *           8 expired  zset    topic -> when its time was over
 *           9 writers  hash    process -> number of its last batch
 *          10 alive    zset    process -> when it last renewed its leases
 *
 * A fixed number of keys, each bounded, whatever the number of topics. A key for each topic would have to be known
 * before the script runs, and a stream for each costs 4 KiB before its second event.
 *
 * Redis deletes a key that becomes empty. No key of a log ever does, because each holds a guard from the beginning of its
 * epoch: a member or field that is neither a topic nor a process. (A stream may be empty.) So a key that does not exist
 * was evicted, expired or deleted, with something in it that a reader had yet to get. That begins a new epoch, before
 * the script reads or writes anything else.
 *
 *     ARGV  1 channel  2 the epoch that the caller knows  3 the greatest seq that it has seen in it  4 a new epoch
 *           5 'lossless' or 'lossy'  6 maxEvents  7 maxAgeMs  8... the operation's own
 *
 * All times are by Redis' clock: the clocks of the processes may differ, and jump.
 */
export const prelude: string = String.raw`
local meta, log, index, gone, finite, ends, due, expired, writers, alive = unpack(KEYS)
local channel, known_epoch, seen, fresh_epoch, writes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local max_events, max_age = tonumber(ARGV[6]), tonumber(ARGV[7])
local call = redis.call
local guard = ' '

local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local run = string.match(call('INFO', 'server'), 'run_id:(%w+)')
local state = call('HMGET', meta, 'epoch', 'seq', 'base', 'evicted', 'forgotten', 'run')
local epoch = state[1]
local seq, base = tonumber(state[2] or 0), tonumber(state[3] or 0)
local evicted, forgotten = tonumber(state[4] or 0), tonumber(state[5] or 0)

-- Lua 5.1 writes a great number as 1e+15.
local function text(number)
  return string.format('%.0f', number)
end

local function member(topic, at)
  return topic .. '\0' .. string.format('%016.0f', at)
end

local function seq_of(id)
  return tonumber(string.match(id, '^%d+'))
end

-- At maxmemory Redis refuses a script whose first write needs memory, but not its later writes. After this one, a
-- script may write a little, to free other memory or to keep a topic from being lost.
local function write_in_need()
  call('HDEL', meta, '')
end

-- The seq of the head when a topic was claimed, as text; 0 if it never was.
local function claimed_at(record)
  return record and string.match(record, '^%a|[^|]*|[^|]*|(%d+)') or '0'
end

-- One of the keys of finite topics is gone, or meta with the counter. Keeps what the other keys still say: a topic whose
-- last event or deadline is lost is expired, and the counter goes on after the greatest place that is known.
local function mend_finite()
  if call('EXISTS', finite) == 0 then
    call('UNLINK', ends, due, expired)
    return
  end
  local records = call('HGETALL', finite)
  for each = 1, #records, 2 do
    local topic, record = records[each], records[each + 1]
    local kind = string.sub(record, 1, 1)
    seq = math.max(seq, tonumber(string.match(record, '^e|(%d+)') or 0), tonumber(claimed_at(record)))
    if kind == 'r' then
      -- If its process is alive, it renews the lease before that.
      call('ZADD', due, 'NX', now + 60000, topic)
    elseif kind == 'x' and topic ~= guard then
      call('ZADD', expired, 'NX', now, topic)
    elseif kind == 'e' and not (call('ZSCORE', due, topic) and call('HGET', ends, topic)) then
      call('HDEL', ends, topic)
      call('ZREM', due, topic)
      call('HSET', finite, topic, 'x')
      call('ZADD', expired, now, topic)
    end
  end
end

-- Drops the events, and keeps the states of finite topics, since what ran once must not run again. Readers of the old
-- epoch would get again what is still there, because nobody can tell which of it they have had.
local function begin_epoch()
  call('UNLINK', log, index, gone)
  if call('EXISTS', meta, finite, ends, due, expired) < 5 then mend_finite() end
  call('XADD', log, text(seq) .. '-1', 't', guard)
  call('XTRIM', log, 'MAXLEN', 0)
  for _, key in ipairs({ index, gone }) do call('ZADD', key, 0, guard) end
  for _, key in ipairs({ due, expired, alive }) do call('ZADD', key, '+inf', guard) end
  for _, key in ipairs({ finite, ends, writers }) do call('HSET', key, guard, 'x') end
  epoch, base, evicted, forgotten = fresh_epoch, seq, seq, seq
  call('HSET', meta, 'epoch', epoch, 'seq', text(seq), 'base', text(base), 'evicted', text(evicted),
    'forgotten', text(forgotten), 'run', run)
  call('SPUBLISH', channel, epoch .. ' ' .. text(seq + 1))
end

if not epoch or call('EXISTS', unpack(KEYS)) < #KEYS then
  begin_epoch()
elseif known_epoch == epoch and seen > seq then
  -- This Redis lacks writes that were acknowledged: its next ids have been given to other events already.
  begin_epoch()
elseif run ~= state[6] then
  -- Restarted, or another server. What it holds does not show whether it lacks anything.
  if writes == 'lossless' then
    write_in_need()
    call('HSET', meta, 'run', run)
  else
    begin_epoch()
  end
end

local function mark_gone(topic, at)
  call('ZADD', gone, 'GT', text(at), topic)
  if at > evicted then evicted = at end
end

-- For topics beyond this number, one mark is kept for all of them: the greatest.
local function save_marks()
  local over = math.min(call('ZCARD', gone) - 1 - max_events - 10000, 1000)
  if over > 0 then
    forgotten = math.max(forgotten, tonumber(call('ZRANGE', gone, over, over, 'WITHSCORES')[2]))
    call('ZREMRANGEBYRANK', gone, 1, over)
  end
  call('HSET', meta, 'evicted', text(evicted), 'forgotten', text(forgotten))
end

-- Evicts the oldest events, up to a limit: those beyond max_events and, by_age, those that are too old.
-- Returns how many it evicted.
local function evict(limit, by_age)
  local over = call('XLEN', log) - max_events
  local cutoff = by_age and max_age > 0 and now - max_age or -1
  if over <= 0 and cutoff < 0 then return 0 end
  local dropped, last = {}, nil
  for _, entry in ipairs(call('XRANGE', log, '-', '+', 'COUNT', math.min(limit, by_age and limit or over))) do
    local fields = entry[2]
    if #dropped >= over and tonumber(fields[4]) > cutoff then break end
    last = seq_of(entry[1])
    dropped[#dropped + 1] = { fields[2], last, fields[8] }
  end
  if last == nil then return 0 end
  call('XTRIM', log, 'MINID', '=', text(last + 1))
  for _, each in ipairs(dropped) do
    call('ZREM', index, member(each[1], each[2]))
    -- The last event of a topic can still be read.
    if string.sub(each[3], 1, 4) ~= 'end:' then mark_gone(each[1], each[2]) end
  end
  save_marks()
  return #dropped
end

-- Appends events, each { topic, event, token }, and publishes them on the channel.
local function store(events)
  -- The first write: at maxmemory Redis refuses it, and nothing has been stored.
  call('HSET', meta, 'seq', text(seq + #events))
  local lines = { epoch .. ' ' .. text(seq + 1) }
  for _, event in ipairs(events) do
    seq = seq + 1
    call('XADD', log, text(seq) .. '-0', 't', event[1], 'a', text(now), 'e', event[2], 'k', event[3])
    call('ZADD', index, 0, member(event[1], seq))
    lines[#lines + 1] = event[1] .. ' ' .. event[2]
  end
  evict(1000, false)
  call('SPUBLISH', channel, table.concat(lines, '\n'))
end

local function expire(topic, record)
  write_in_need()
  call('HDEL', ends, topic)
  call('HSET', finite, topic, 'x')
  mark_gone(topic, tonumber(string.match(record, '^e|(%d+)')))
  save_marks()
  call('ZADD', expired, now, topic)
  if call('ZCARD', expired) - 1 > 100000 then
    call('HDEL', finite, call('ZPOPMIN', expired)[1])
  end
end

-- The state of a topic, and its record.
local function status(topic)
  local record = call('HGET', finite, topic)
  if not record then return 'open' end
  if record == 'x' then return 'expired' end
  if string.sub(record, 1, 1) == 'r' then return 'running', record end
  if tonumber(call('ZSCORE', due, topic) or 0) > now then return 'ended', record end
  expire(topic, record)
  return 'expired'
end
`

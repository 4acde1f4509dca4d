/**
 * What every script of the log begins with: the log's state, and the operations that scripts share.
 *
 *     KEYS  1 meta     hash    epoch, seq, base, run, and evicted, trimmed, forgotten, large, expiries (see below)
 *           2 log      stream  <seq>-0 -> epoch, <appended at> <token> <topic> <event>      the events, in one order
 *           3 index    zset    <topic> NUL <seq>, all of score 0                        the places of each topic
 *           4 gone     zset    topic -> seq of its newest event that is gone
 *           5 finite   hash    topic -> r|owner|token|claimed at|, e|seq of its end|token|claimed at, x
 *           6 ends     hash    topic -> its last event, readable even after the log has evicted it
 *           7 due      zset    topic -> when its lease ends, or its time is over
 *           8 expired  zset    topic -> the how manieth its time was over
 *           9 writers  hash    process -> number of its last batch
 *          10 alive    zset    process -> when it last renewed its leases
 *
 * In meta, `evicted` is the newest seq that is gone, of whatever topic, and `trimmed` the one up to which all are gone;
 * `forgotten` the greatest mark that `gone` no longer has; `large` the newest event too large for a read of many at once;
 * `expiries` how many topics have expired.
 *
 * An event is one field, named by its epoch. So whoever reads a range of the stream with a bare XRANGE, and finds each seq
 * of it in one epoch, has all of it, whatever server or replica answered.
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
const prelude = String.raw`
local meta, log, index, gone, finite, ends, due, expired, writers, alive = unpack(KEYS)
local channel, known_epoch, seen, fresh_epoch, writes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local max_events, max_age = tonumber(ARGV[6]), tonumber(ARGV[7])
local call = redis.call
local guard = ' '

-- A key of another type would fail a script halfway, so all are tried before the first write.
local sizes = { 'HLEN', 'XLEN', 'ZCARD', 'ZCARD', 'HLEN', 'HLEN', 'ZCARD', 'ZCARD', 'HLEN', 'ZCARD' }
local function check_types()
  for each, key in ipairs(KEYS) do
    local size = redis.pcall(sizes[each], key)
    if type(size) == 'table' then error('UNTOUCHED ' .. key .. ': ' .. size.err, 0) end
  end
end

-- Whether the script has changed anything yet: then its failure leaves open what happened.
local has_written = false
local function write(...)
  if not has_written then check_types() end
  local reply = call(...)
  has_written = true
  return reply
end

local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local server = call('INFO', 'server')
local _, before_run = string.find(server, 'run_id:', 1, true)
-- 40 hexadecimal digits.
local run = string.sub(server, before_run + 1, before_run + 40)
local state = call('HMGET', meta, 'epoch', 'run', 'seq', 'base', 'evicted', 'trimmed', 'forgotten', 'large', 'expiries',
  'bytes')
local epoch = state[1]
for each = 3, 10 do state[each] = tonumber(state[each]) or 0 end
local seq, base, evicted, trimmed, forgotten = state[3], state[4], state[5], state[6], state[7]
local large, expiries, gone_bytes = state[8], state[9], state[10]

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

-- When it was appended, its token, topic and event, of an entry of the stream.
local function parse(entry)
  return string.match(entry[2][2], '^(%d+) ([^ ]+) ([^ ]+) (.*)$')
end

-- What every reply begins with.
local function state_of_log()
  return { epoch, text(seq), text(base), text(trimmed), text(expiries) }
end

-- At maxmemory Redis refuses a script whose first write needs memory, but not its later writes. After this one, a
-- script may write a little, to free other memory or to keep a topic from being lost.
local function write_in_need()
  write('HDEL', meta, '')
end

-- The seq of the head when a topic was claimed, as text; 0 if it never was.
local function claimed_at(record)
  return record and string.match(record, '^%a|[^|]*|[^|]*|(%d+)') or '0'
end

-- One of the keys of finite topics is gone, or meta with the counter. Keeps what the other keys still say: a topic whose
-- last event or deadline is lost is expired, and the counter goes on after the greatest place that is known.
local function mend_finite()
  if call('EXISTS', finite) == 0 then
    write('UNLINK', ends, due, expired)
    return
  end
  local records = call('HGETALL', finite)
  for each = 1, #records, 2 do
    local topic, record = records[each], records[each + 1]
    local kind = string.sub(record, 1, 1)
    seq = math.max(seq, tonumber(string.match(record, '^e|(%d+)') or 0), tonumber(claimed_at(record)))
    if kind == 'r' then
      -- If its process is alive, it renews the lease before that.
      write('ZADD', due, 'NX', now + 60000, topic)
    elseif kind == 'x' and topic ~= guard then
      expiries = expiries + 1
      write('ZADD', expired, 'NX', text(expiries), topic)
    elseif kind == 'e' and not (call('ZSCORE', due, topic) and call('HGET', ends, topic)) then
      expiries = expiries + 1
      write('HDEL', ends, topic)
      write('ZREM', due, topic)
      write('HSET', finite, topic, 'x')
      write('ZADD', expired, text(expiries), topic)
    end
  end
end

-- Drops the events, and keeps the states of finite topics, since what ran once must not run again. Readers of the old
-- epoch would get again what is still there, because nobody can tell which of it they have had.
local function begin_epoch()
  write('UNLINK', log, index, gone)
  -- After the last that Redis still knows of, should the counter be lost.
  local last = call('ZREVRANGEBYSCORE', expired, '(+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  expiries = math.max(expiries, tonumber(last[2]) or 0)
  if call('EXISTS', meta, finite, ends, due, expired) < 5 then mend_finite() end
  write('XADD', log, text(seq) .. '-1', guard, guard)
  write('XTRIM', log, 'MAXLEN', 0)
  for _, key in ipairs({ index, gone }) do write('ZADD', key, 0, guard) end
  for _, key in ipairs({ due, expired, alive }) do write('ZADD', key, '+inf', guard) end
  for _, key in ipairs({ finite, ends, writers }) do write('HSET', key, guard, 'x') end
  epoch, base, evicted, trimmed, forgotten, gone_bytes = fresh_epoch, seq, seq, seq, seq, 0
  write('HSET', meta, 'epoch', epoch, 'seq', text(seq), 'base', text(base), 'evicted', text(evicted), 'trimmed',
    text(trimmed), 'forgotten', text(forgotten), 'bytes', '0', 'expiries', text(expiries), 'run', run)
  write('SPUBLISH', channel, epoch .. ' ' .. text(seq + 1))
end

local function follow_server()
  if not epoch or call('EXISTS', unpack(KEYS)) < #KEYS then
    begin_epoch()
  elseif known_epoch == epoch and seen > seq then
    -- This Redis lacks writes that were acknowledged: its next ids have been given to other events already.
    begin_epoch()
  elseif run ~= state[2] then
    -- Restarted, or another server. What it holds does not show whether it lacks anything.
    if writes == 'lossless' then
      write_in_need()
      write('HSET', meta, 'run', run)
    else
      begin_epoch()
    end
  end
end

-- What the mark of a topic takes, roughly.
local function bytes_of_mark(topic)
  return #topic + 100
end

local function mark_gone(topic, at)
  gone_bytes = gone_bytes + write('ZADD', gone, 'GT', text(at), topic) * bytes_of_mark(topic)
  if at > evicted then evicted = at end
end

-- Beyond 16 MiB the oldest marks go, and one is kept for all their topics: the greatest.
local function save_marks()
  while gone_bytes > 16777216 do
    -- The guard comes first.
    local marks = call('ZRANGE', gone, 1, math.min(100, math.ceil((gone_bytes - 16777216) / 100)), 'WITHSCORES')
    local count = 0
    for each = 1, #marks, 2 do
      if gone_bytes <= 16777216 then break end
      forgotten = math.max(forgotten, tonumber(marks[each + 1]))
      gone_bytes = gone_bytes - bytes_of_mark(marks[each])
      count = count + 1
    end
    if count == 0 then break end
    write('ZREMRANGEBYRANK', gone, 1, count)
  end
  write('HSET', meta, 'evicted', text(evicted), 'trimmed', text(trimmed), 'forgotten', text(forgotten), 'bytes',
    text(gone_bytes))
end

-- Evicts the oldest events, up to a limit: those beyond max_events and, by_age, those that are too old.
-- Returns how many it evicted.
local function evict(limit, by_age)
  local over = call('XLEN', log) - max_events
  local cutoff = by_age and max_age > 0 and now - max_age or -1
  if over <= 0 and cutoff < 0 then return 0 end
  local dropped, last = {}, nil
  for _, entry in ipairs(call('XRANGE', log, '-', '+', 'COUNT', math.min(limit, by_age and limit or over))) do
    local at, token, topic = parse(entry)
    if #dropped >= over and tonumber(at) > cutoff then break end
    last = seq_of(entry[1])
    dropped[#dropped + 1] = { topic, last, token }
  end
  if last == nil then return 0 end
  write('XTRIM', log, 'MINID', '=', text(last + 1))
  trimmed = last
  for _, each in ipairs(dropped) do
    write('ZREM', index, member(each[1], each[2]))
    -- The last event of a topic can still be read.
    if string.sub(each[3], 1, 4) ~= 'end:' then mark_gone(each[1], each[2]) end
  end
  save_marks()
  return #dropped
end

-- An event beyond this many bytes is not read together with others: 256 of them are the greatest read.
local large_bytes = 4096

-- Appends events, each { topic, event, token }, and publishes them on the channel.
local function store(events)
  local lines = { epoch .. ' ' .. text(seq + 1) }
  for _, event in ipairs(events) do
    local at = seq + 1
    -- The first write: at maxmemory Redis refuses it, and nothing has been stored.
    write('XADD', log, text(at) .. '-0', epoch, text(now) .. ' ' .. event[3] .. ' ' .. event[1] .. ' ' .. event[2])
    write('ZADD', index, 0, member(event[1], at))
    seq = at
    if #event[2] > large_bytes then large = at end
    lines[#lines + 1] = event[1] .. ' ' .. event[2]
  end
  write('HSET', meta, 'seq', text(seq), 'large', text(large))
  evict(1000, false)
  write('SPUBLISH', channel, table.concat(lines, '\n'))
end

local function expire(topic, record)
  write_in_need()
  expiries = expiries + 1
  write('HSET', meta, 'expiries', text(expiries))
  write('HDEL', ends, topic)
  write('HSET', finite, topic, 'x')
  mark_gone(topic, tonumber(string.match(record, '^e|(%d+)')))
  save_marks()
  write('ZADD', expired, text(expiries), topic)
  if call('ZCARD', expired) - 1 > 100000 then
    write('HDEL', finite, write('ZPOPMIN', expired)[1])
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

/**
 * A script of the log.
 *
 * @param body - returns the reply. What fails in it before the first write is told apart from what fails after:
 *   `UNTOUCHED` and `HALFWAY`, then the cause.
 */
export function logScript(body: string): string {
  return String.raw`${prelude}
local function run_operation()
  follow_server()
${body}
end

local is_done, reply = pcall(run_operation)
if is_done then return reply end
local cause = type(reply) == 'table' and reply.err or tostring(reply)
-- Redis' own answer, such as OOM or NOPERM, if nothing was changed.
if not has_written then return redis.error_reply(string.find(cause, '^%u+ ') and cause or 'UNTOUCHED ' .. cause) end
return redis.error_reply('HALFWAY ' .. cause)
`
}

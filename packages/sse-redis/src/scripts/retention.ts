/** How events are stored, evicted and held, in Lua. */
export const retention: string = String.raw`
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

-- The records of these topics, in their order; false for those that are open.
local function records_in_order(topics)
  if call('HLEN', finite) == 1 then return {} end
  return call('HMGET', finite, unpack(topics))
end

-- Evicts the oldest events, up to a limit: those beyond max_events and, by_age, those that are too old. The events of
-- running and ended topics move to a key of their own, where their name still reaches them.
-- Returns how many it evicted.
local function evict(limit, by_age)
  local over = call('XLEN', log) - max_events
  local cutoff = by_age and max_age > 0 and now - max_age or -1
  if over <= 0 and cutoff < 0 then return 0 end
  local dropped, topics, last = {}, {}, nil
  for _, entry in ipairs(call('XRANGE', log, '-', '+', 'COUNT', math.min(limit, by_age and limit or over))) do
    local at, _, topic, event = parse(entry)
    if #dropped >= over and tonumber(at) > cutoff then break end
    last = seq_of(entry[1])
    dropped[#dropped + 1] = { topic, last, event }
    topics[#topics + 1] = topic
  end
  if last == nil then return 0 end
  local records = records_in_order(topics)
  write('XTRIM', log, 'MINID', '=', text(last + 1))
  trimmed = last
  for position, each in ipairs(dropped) do
    local topic, at, record = each[1], each[2], records[position]
    if record and record ~= 'x' then
      write('HSET', held, member(topic, at), each[3])
      mark_gone(topic .. hidden, at)
    else
      write('ZREM', index, member(topic, at))
      mark_gone(topic, at)
    end
  end
  save_marks()
  return #dropped
end

-- An event beyond this many bytes is not read together with others: 256 of them are the greatest read.
local large_bytes = 4096

-- Appends events, each { topic, event, bytes }, and publishes them on the channel. settle: called when they are stored, and
-- nothing has been evicted for them yet.
local function store(events, settle)
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
  if settle then settle() end
  evict(1000, false)
  write('SPUBLISH', channel, table.concat(lines, '\n'))
end

-- What a running or ended topic has lost, and how many bytes it holds. Nothing is left of an epoch before this one.
local function holding(record)
  local its_epoch, lost, bytes = string.match(record, '^%a|[^|]*|[^|]*|%d+|([^|]*)|(%d+)|(%d+)|')
  if its_epoch ~= epoch then return base, 0 end
  return tonumber(lost), tonumber(bytes)
end

local function record_of(kind, whose, token, claimed, lost, bytes, flag)
  return table.concat({ kind, whose, token, claimed, epoch, text(lost), text(bytes), flag }, '|')
end

local function expire(topic, record)
  write_in_need()
  local _, bytes = holding(record)
  held_bytes = math.max(0, held_bytes - bytes)
  expiries = expiries + 1
  write('HSET', meta, 'expiries', text(expiries), 'held', text(held_bytes))
  write('HDEL', ends, topic)
  write('ZREM', ended, topic)
  write('HSET', finite, topic, 'x')
  gone_bytes = gone_bytes - write('ZREM', gone, topic .. hidden) * bytes_of_mark(topic .. hidden)
  mark_gone(topic, tonumber(string.match(record, '^e|(%d+)')))
  save_marks()
  -- Its events are swept away from now on.
  write('ZADD', due, now, topic)
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

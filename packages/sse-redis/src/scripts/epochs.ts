/**
 * When an epoch begins, and what is kept of the one before, in Lua. Functions that few calls need are made where they are
 * needed: each costs every call a quarter of a microsecond.
 */
export const epochs: string = String.raw`
-- The seq of the head when a topic was claimed, as text; 0 if it never was.
local function claimed_at(record)
  return string.match(record, '^%a|[^|]*|[^|]*|(%d+)') or '0'
end

-- Drops the events and what is known of producers. Keeps the states of finite topics, since what ran once must not run
-- again, and the control entries. Readers of the old epoch would get again what is still there, because it is unknown
-- which of it they have had.
local function begin_epoch()
  -- One of the keys of finite topics is gone, or meta with the counter. Keeps what the other keys still say: a topic whose
  -- last event or deadline is lost is expired, and the counter goes on after the greatest place that is known.
  local function mend_finite()
    if call('EXISTS', finite) == 0 then
      write('UNLINK', ends, ended, due, expired)
      return
    end
    local records = call('HGETALL', finite)
    for each = 1, #records, 2 do
      local topic, record = records[each], records[each + 1]
      local kind = string.sub(record, 1, 1)
      local last = string.match(record, '^e|(%d+)')
      seq = math.max(seq, tonumber(last or 0), tonumber(claimed_at(record)))
      if kind == 'r' then
        -- If its process is alive, it renews the lease before that.
        write('ZADD', due, 'NX', now + 60000, topic)
      elseif kind == 'x' and topic ~= guard then
        expiries = expiries + 1
        write('ZADD', expired, 'NX', text(expiries), topic)
      elseif kind == 'e' and call('ZSCORE', due, topic) and call('HGET', ends, topic) then
        write('ZADD', ended, last, topic)
      elseif kind == 'e' then
        expiries = expiries + 1
        write('HDEL', ends, topic)
        write('ZREM', ended, topic)
        write('ZREM', due, topic)
        write('HSET', finite, topic, 'x')
        write('ZADD', expired, text(expiries), topic)
      end
    end
  end

  -- Bans stay in force, as far as Redis still has them.
  local function mend_controls()
    if call('EXISTS', controls) == 0 then
      write('UNLINK', lapses)
      return
    end
    local entries = call('HGETALL', controls)
    for each = 1, #entries, 2 do
      local at, ttl = string.match(entries[each + 1], '^(%d+) (%S+) ')
      if at then write('ZADD', lapses, tonumber(at) + tonumber(ttl), entries[each]) end
    end
  end

  write('UNLINK', log, index, gone, held, producers, batches)
  -- After the last that Redis still knows of, should the counter be lost.
  local last = call('ZREVRANGEBYSCORE', expired, '(+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  expiries = math.max(expiries, tonumber(last[2]) or 0)
  if call('EXISTS', meta, finite, ends, ended, due, expired) < 6 then mend_finite() end
  if call('EXISTS', controls, lapses) < 2 then mend_controls() end
  -- Without its counter it is unknown what a log held: most likely something.
  if not epoch and call('EXISTS', finite) == 1 then seq = seq + 1 end
  write('XADD', log, text(seq) .. '-1', guard, guard)
  write('XTRIM', log, 'MAXLEN', 0)
  for _, key in ipairs({ index, gone }) do write('ZADD', key, 0, guard) end
  for _, key in ipairs({ ended, due, expired, alive, producers, lapses }) do write('ZADD', key, '+inf', guard) end
  for _, key in ipairs({ held, finite, ends, writers, batches, controls }) do write('HSET', key, guard, 'x') end
  epoch, base, evicted, trimmed, forgotten, gone_bytes, held_bytes = fresh_epoch, seq, seq, seq, seq, 0, 0
  write('HSET', meta, 'epoch', epoch, 'seq', text(seq), 'base', text(base), 'evicted', text(evicted), 'trimmed',
    text(trimmed), 'forgotten', text(forgotten), 'bytes', '0', 'held', '0', 'expiries', text(expiries), 'run', run,
    'version', keys_version)
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
`

/**
 * What producers have appended, in Lua: of each the positions of its last 1024 batches, and when it last appended.
 *
 *     producers  <topic> <id> -> when it last appended
 *     batches    <topic> <id> -> epoch, number and position of its latest batch
 *                <topic> <id> NUL 0 to 16 -> the positions of 64 batches before it, of 8 bytes each: a ring
 *
 * The id is written as JSON, so neither it nor a topic has a NUL.
 */
export const producers: string = String.raw`
local chunk_size, chunk_count, known_batches = 64, 17, 1024

local function chunk_of(key, number)
  return key .. '\0' .. math.floor(number / chunk_size) % chunk_count
end

local function forget_positions(key)
  local chunks = {}
  for each = 1, chunk_count do chunks[each] = key .. '\0' .. (each - 1) end
  write('HDEL', batches, unpack(chunks))
end

local function forget_producer(key)
  write('ZREM', producers, key)
  write('HDEL', batches, key)
  forget_positions(key)
end
`

/** For the script that appends: in one call a producer may append and repeat several batches. */
export const producerSequences: string = String.raw`
local function make_sequences()
  ${producers.trim().split('\n').join('\n  ')}

  -- As they will be once the events are stored. positions: those of this call.
  local met = {}

  local function find(key, ttl)
    local its = met[key]
    if its then return its end
    its = { epoch = -1, latest = -1, position = 0 }
    local used_at = tonumber(call('ZSCORE', producers, key) or '-inf')
    if used_at + ttl > now then
      local its_epoch, latest, position = string.match(call('HGET', batches, key) or '', '^(%d+) (%d+) (%d+)$')
      if its_epoch then
        its.epoch, its.latest, its.position = tonumber(its_epoch), tonumber(latest), tonumber(position)
      end
    end
    -- The position of its latest batch is not among those of the batches before it yet.
    its.from, its.positions = math.max(its.latest, 0), { [its.latest] = its.position }
    met[key] = its
    return its
  end

  -- What is answered without storing anything; nil for the batch that is to come.
  local function answer_of(its, key, its_epoch, number)
    if its_epoch < its.epoch then return 'stale ' .. text(its.epoch) .. ' ' .. text(its.latest + 1) end
    local expected = its_epoch > its.epoch and 0 or its.latest + 1
    if number > expected then return 'gap ' .. text(its_epoch) .. ' ' .. text(expected) end
    if number == expected then return nil end
    local position = its.position
    if number < its.latest and its.latest - number < known_batches then
      position = its.positions[number]
      if not position then
        local chunk = call('HGET', batches, chunk_of(key, number)) or ''
        position = struct.unpack('>d', chunk, number % chunk_size * 8 + 1)
      end
    end
    return 'repeat ' .. text(position)
  end

  local function note(its, its_epoch, number, position)
    if its_epoch > its.epoch then
      its.is_new = its.is_new or its.epoch >= 0
      its.epoch, its.from, its.positions = its_epoch, 0, {}
    end
    its.latest, its.position, its.is_changed = number, position, true
    its.positions[number] = position
  end

  local function save(most)
    for key, its in pairs(met) do
      if its.is_changed then
        if its.is_new then forget_positions(key) end
        write('ZADD', producers, now, key)
        write('HSET', batches, key, text(its.epoch) .. ' ' .. text(its.latest) .. ' ' .. text(its.position))
        -- All but the latest, which is known already.
        local number = its.from
        while number < its.latest do
          local field = chunk_of(key, number)
          local chunk = number % chunk_size > 0 and call('HGET', batches, field) or ''
          local parts = { chunk }
          repeat
            parts[#parts + 1] = struct.pack('>d', its.positions[number])
            number = number + 1
          until number == its.latest or number % chunk_size == 0
          write('HSET', batches, field, table.concat(parts))
        end
      end
    end
    local excess = call('ZCARD', producers) - 1 - most
    if excess > 0 then
      -- The guard comes last.
      for _, key in ipairs(call('ZRANGE', producers, 0, math.min(excess, 1000) - 1)) do forget_producer(key) end
    end
  end

  return { find = find, answer_of = answer_of, note = note, save = save }
end
`

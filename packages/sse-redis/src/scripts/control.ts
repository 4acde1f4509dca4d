import { logScript } from './prelude.ts'
import { lastBatches } from './writers.ts'

/**
 * Writes a control entry, once.
 *
 *     ARGV  8 process  9 number of the call, of that process  10 name  11 ttlMs  12 '1' if processes are told
 *          13 the entry, as processes get it
 *     ->    the log's state
 */
export const controlScript: string = logScript(String.raw`${lastBatches}
local most_controls = 20000
local owner, field, ttl, told, entry = ARGV[8], 'n' .. ARGV[10], tonumber(ARGV[11]), ARGV[12], ARGV[13]
local last_number = last_batch(owner)
if tonumber(ARGV[9]) > last_number then
  if ttl > 0 then
    write('HSET', controls, field, text(now) .. ' ' .. ARGV[11] .. ' ' .. told .. ' ' .. entry)
    write('ZADD', lapses, now + ttl, field)
    -- The guard comes last.
    local excess = call('ZCARD', lapses) - 1 - most_controls
    if excess > 0 then
      local over = call('ZRANGE', lapses, 0, excess - 1)
      write('HDEL', controls, unpack(over))
      write('ZREM', lapses, unpack(over))
    end
  else
    -- It takes no memory, but for its number.
    write_in_need()
    write('HDEL', controls, field)
    write('ZREM', lapses, field)
  end
  note_last_batch(owner, ARGV[9], '')
  if told == '1' then
    controlled = controlled + 1
    write('HSET', meta, 'controlled', text(controlled))
    write('SPUBLISH', channel, 'control ' .. text(controlled) .. ' ' .. entry)
  end
end
return state_of_log()
`)

/**
 * Looks up what is kept.
 *
 *     ARGV  8 pattern of names
 *     ->    the log's state, then for each: how old it is, '1' if processes were told, the entry
 */
export const controlsScript: string = logScript(String.raw`
local reply = state_of_log()
local cursor = '0'
repeat
  local page = call('HSCAN', controls, cursor, 'MATCH', 'n' .. ARGV[8], 'COUNT', 1000)
  cursor = page[1]
  for each = 2, #page[2], 2 do
    local at, ttl, told, entry = string.match(page[2][each], '^(%d+) (%S+) ([01]) (.*)$')
    if at and tonumber(at) + tonumber(ttl) > now then
      for _, part in ipairs({ text(math.max(0, now - tonumber(at))), told, entry }) do reply[#reply + 1] = part end
    end
  end
until cursor == '0'
return reply
`)

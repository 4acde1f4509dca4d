import { logScript } from './prelude.ts'

/**
 * Appends a batch of events: all or none, and only once.
 *
 *     ARGV  8 process  9 number of the batch, of that process  10 '' at first; in a retry, the epoch at the first attempt
 *           11 the seq seen then  12... topic, event, topic, event...
 *     ->    the log's state, then for each event its seq, or -1: its topic has ended
 *           or the log's state, 'unknown': Redis cannot tell any more whether the first attempt was stored
 *
 * A process sends one batch after the other, so the number of its last batch tells whether this one was stored. A first
 * attempt may also arrive late from some buffer on the way, long after its retry was stored.
 */
export const appendScript: string = logScript(String.raw`
local owner, number, first_epoch, first_seen = ARGV[8], tonumber(ARGV[9]), ARGV[10], tonumber(ARGV[11])
local token = owner .. ':' .. ARGV[9]

-- The events of the batch that an earlier attempt stored: empty if there are none, nil if Redis cannot tell.
local function stored_before()
  local found = {}
  local last = tonumber(call('HGET', writers, owner) or 0)
  if first_epoch == '' then return number > last and found or nil end
  -- A Redis that has begun a new epoch may lack it, though readers have had it.
  if first_epoch ~= epoch then return nil end
  if number > last then return found end
  if number < last or evicted > first_seen or seq - first_seen > 100000 then return nil end
  local from = first_seen
  repeat
    local page = call('XRANGE', log, text(from + 1), '+', 'COUNT', 200)
    for _, entry in ipairs(page) do
      from = seq_of(entry[1])
      local _, each = parse(entry)
      local batch, position = string.match(each, '^(.*):(%d+)$')
      if batch == token then found[tonumber(position)] = from end
    end
  until #page < 200
  return found
end

local found = stored_before()
if found == nil then
  local reply = state_of_log()
  reply[#reply + 1] = 'unknown'
  return reply
end
local is_stored = next(found) ~= nil
-- If an earlier attempt was stored, it stored all events but those whose topic had ended.
local events, seqs, ended, at = {}, {}, {}, seq
for position = 1, (#ARGV - 11) / 2 do
  local topic, event = ARGV[10 + position * 2], ARGV[11 + position * 2]
  if is_stored then
    seqs[position] = found[position] and text(found[position]) or '-1'
  else
    if ended[topic] == nil then
      local its = status(topic)
      ended[topic] = its == 'ended' or its == 'expired'
    end
    if ended[topic] then
      seqs[position] = '-1'
    else
      at = at + 1
      seqs[position] = text(at)
      events[#events + 1] = { topic, event, token .. ':' .. position }
    end
  end
end
if #events > 0 then
  store(events)
  write('HSET', writers, owner, ARGV[9])
end
local reply = state_of_log()
for _, each in ipairs(seqs) do reply[#reply + 1] = each end
return reply
`)

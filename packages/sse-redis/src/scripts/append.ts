import { makingRoom } from './holding.ts'
import { logScript } from './prelude.ts'
import { producerSequences } from './producers.ts'
import { lastBatches } from './writers.ts'

/**
 * Appends what a process has to append: single events, and batches of one topic's events, each of them whole or not at all.
 * All of it only once.
 *
 *     ARGV  8 process  9 number of the call, of that process  10 '' at first; in a retry, the epoch at the first attempt
 *          11 maxHeldBytesPerTopic  12 maxHeldBytes  13 maxProducers, '' if there are none  14 producerTtlMs
 *          15... for an event:  topic, bytes, event
 *                for a batch:   <topic> <count> or <topic> <count> <epoch> <number> <id>, then bytes, event of each
 *                of a run:      <topic> <count> claimed, then bytes, event of each
 *     ->    the log's state, 'unknown': Redis can no longer tell whether the first attempt was stored
 *           or the log's state, the epoch, and what became of each, in one text with line breaks between:
 *             <seq of the last>, 'repeat <seq>', 'ended', 'unclaimed', 'full maxHeldBytesPerTopic', 'full maxHeldBytes',
 *             'stale <epoch> <number expected>', 'gap <epoch> <number expected>'
 *
 * A retry gets the answer of the first attempt, as it was.
 */
export const appendScript: string = logScript(String.raw`${lastBatches}${makingRoom}${producerSequences}
local owner, number, first_epoch = ARGV[8], tonumber(ARGV[9]), ARGV[10]
local most_of_topic, most_of_all = tonumber(ARGV[11]), tonumber(ARGV[12])

local function answer(of_epoch, answers)
  local reply = state_of_log()
  reply[#reply + 1] = of_epoch
  reply[#reply + 1] = answers
  return reply
end

local last_number, last = last_batch(owner)
if number == last_number and first_epoch ~= '' then return answer(string.match(last, '^%d+ (%S+) (.*)$')) end
-- A first attempt that comes late, or one that a Redis which has begun a new epoch may have had, and lacks.
if number <= last_number or first_epoch ~= '' and first_epoch ~= epoch then return answer('unknown') end

local has_finite = call('HLEN', finite) > 1
local sequences = ARGV[13] ~= '' and make_sequences()
if not has_finite and not sequences and not are_checked then
  check_type(log, 'XLEN')
  check_type(index, 'ZCARD')
  check_type(gone, 'ZCARD')
  are_checked = true
end

-- The state of each topic; of those that run, what they will hold.
local holders = {}
local function holder_of(topic)
  local its = holders[topic]
  if its then return its end
  local state_now, record = 'open', nil
  if has_finite then state_now, record = status(topic) end
  its = { state = state_now, record = record }
  if state_now == 'running' then its.lost, its.bytes = holding(record) end
  holders[topic] = its
  return its
end

local answers, events, at = {}, {}, seq

-- Why these events are not stored; nil if they are.
local function refusal(topic, first, last, is_of_run)
  local its = holder_of(topic)
  if its.state == 'ended' or its.state == 'expired' then return 'ended' end
  if is_of_run and string.match(its.record or '', '^r|([^|]*)|') ~= owner then return 'unclaimed' end
  if its.state == 'open' then return nil end
  local bytes = 0
  for each = first, last, 2 do bytes = bytes + tonumber(ARGV[each]) end
  if its.bytes + bytes > most_of_topic then return 'full maxHeldBytesPerTopic' end
  if not make_room(bytes, most_of_all) then return 'full maxHeldBytes' end
  its.bytes = its.bytes + bytes
  its.has_grown = true
  held_bytes = held_bytes + bytes
end

local each, most = 15, #ARGV
while each <= most do
  local topic, count, sequence = ARGV[each], 1, ''
  if string.find(topic, ' ', 1, true) then
    topic, count, sequence = string.match(topic, '^([^ ]+) (%d+) ?(.*)$')
  end
  local last = each + count * 2
  local found, key, its, its_epoch, its_number
  local is_of_run = sequence == 'claimed'
  if sequence ~= '' and not is_of_run then
    local id
    its_epoch, its_number, id = string.match(sequence, '^(%d+) (%d+) (.*)$')
    its_epoch, its_number, key = tonumber(its_epoch), tonumber(its_number), topic .. ' ' .. id
    its = sequences.find(key, tonumber(ARGV[14]))
    -- Before all else: what was stored once is not refused when it is repeated.
    found = sequences.answer_of(its, key, its_epoch, its_number)
  end
  found = found or refusal(topic, each + 1, last, is_of_run)
  if not found then
    for position = each + 1, last, 2 do events[#events + 1] = { topic, ARGV[position + 1], ARGV[position] } end
    at = at + count
    found = text(at)
    if its then sequences.note(its, its_epoch, its_number, at) end
  end
  answers[#answers + 1] = found
  each = last + 1
end

if #events > 0 then store(events) end
local has_grown = false
for topic, its in pairs(holders) do
  if its.has_grown then
    has_grown = true
    local whose, token, claimed, flag = string.match(its.record, '^r|([^|]*)|([^|]*)|(%d+)|.*|([^|]*)$')
    write('HSET', finite, topic, record_of('r', whose, token, claimed, its.lost, its.bytes, flag))
  end
end
if has_grown then write('HSET', meta, 'held', text(held_bytes)) end
if sequences then sequences.save(tonumber(ARGV[13])) end
answers = table.concat(answers, '\n')
note_last_batch(owner, ARGV[9], answers)
return answer(epoch, answers)
`)

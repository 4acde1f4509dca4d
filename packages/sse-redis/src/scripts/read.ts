import { matching } from './matching.ts'
import { logScript } from './prelude.ts'

/**
 * Reads events, and says nothing of what is gone: that is what a look is for.
 *
 *     ARGV  8 after  9 up to, of topics given by name  10 how many events  11 how many bytes  12... topics and patterns
 *     ->    the log's state, '1' if there may be more, the seq up to which it has searched,
 *           then seq, topic, event for each
 *
 * Topics given by name are read through the index, also what only their name reaches. For patterns the script goes through the events of the log, a bounded
 * number in one call: Redis runs nothing else meanwhile.
 */
export const readScript: string = logScript(String.raw`${matching}
local after, limit, budget = tonumber(ARGV[8]), tonumber(ARGV[10]), tonumber(ARGV[11])
local up_to = math.min(tonumber(ARGV[9]), seq)
local looked_at_most = 2000
local asked = asked_from(12, #ARGV)

local found, used, passed, more, looked = {}, 0, 0, false, after

-- False when the page is full.
local function take(at, topic, event)
  if #found >= limit * 3 or (#found > 0 and used + #event > budget) then
    more = true
    return false
  end
  used = used + #event
  found[#found + 1] = text(at)
  found[#found + 1] = topic
  found[#found + 1] = event
  return true
end

-- Redis gives events whole, even those that do not match: so large ones are read one at a time, small ones in groups.
local function scan()
  local count, step = 0, 1
  repeat
    local before = passed
    local page = call('XRANGE', log, text(looked + 1), '+', 'COUNT', step)
    for _, entry in ipairs(page) do
      local at = seq_of(entry[1])
      local _, _, topic, event = parse(entry)
      if matches(asked, topic) then
        if not take(at, topic, event) then return end
      end
      passed = passed + #event
      count = count + 1
      looked = at
    end
    if #page < step then return end
    step = passed - before < 65536 and math.min(step * 2, 32) or 1
  until count >= looked_at_most or passed > budget * 4
  more = true
end

-- The places of one topic, a few at a time: next() gives them in order.
local function places_of(topic, count)
  local from, places, each = after, {}, 0
  return function()
    if places and each == #places then
      if each > 0 and each < count then return nil end
      each = 0
      places = call('ZRANGEBYLEX', index, '(' .. member(topic, from), '[' .. member(topic, up_to), 'LIMIT', 0, count)
      if #places == 0 then return nil end
    end
    each = each + 1
    from = tonumber(string.sub(places[each], -16))
    return from
  end
end

-- Whether the earlier of two topics' next places comes first: a heap of topics, by their next places.
local function sink_down(heap, at)
  local item = heap[at]
  while true do
    local child = at * 2
    if heap[child + 1] and heap[child + 1][1] < heap[child][1] then child = child + 1 end
    if not heap[child] or heap[child][1] >= item[1] then break end
    heap[at] = heap[child]
    at = child
  end
  heap[at] = item
end

local function merge()
  local heap = {}
  -- Of many topics only a few places each are asked for at once: together, about twice what the page holds.
  local count = math.max(4, math.ceil(limit * 2 / #asked.list))
  local records = records_of(asked)
  for _, topic in ipairs(asked.list) do
    local record = records[topic]
    if not record or status(topic) ~= 'expired' then
      local next_place = places_of(topic, count)
      local at = next_place()
      if at then heap[#heap + 1] = { at, topic, next_place } end
    end
  end
  for at = math.floor(#heap / 2), 1, -1 do sink_down(heap, at) end
  while heap[1] do
    local item = heap[1]
    local at, topic = item[1], item[2]
    local event
    if at <= trimmed then
      event = call('HGET', held, member(topic, at))
    else
      local entry = call('XRANGE', log, text(at), text(at))[1]
      if entry then
        local _, _, _, its = parse(entry)
        event = its
      end
    end
    if event and not take(at, topic, event) then return end
    looked = at
    item[1] = item[3]()
    if not item[1] then
      item = heap[#heap]
      heap[#heap] = nil
      heap[1] = heap[1] and item
    end
    if heap[1] then sink_down(heap, 1) end
  end
end

if asked.wild then scan() else merge() end
local reply = state_of_log()
reply[#reply + 1] = more and '1' or ''
reply[#reply + 1] = text(looked)
for _, each in ipairs(found) do reply[#reply + 1] = each end
return reply
`)

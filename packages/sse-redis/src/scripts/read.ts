import { prelude } from './prelude.ts'

/**
 * Reads a page.
 *
 *     ARGV  8 after  9 how many events  10 how many bytes  11... topics and patterns
 *     ->    epoch, seq, base, evicted up to, '1' if there may be more, the seq up to which it has searched,
 *           then seq, topic, event for each
 *
 * Topics given by name are read through the index. For patterns the script goes through the events of the log, a bounded
 * number in one call: Redis runs nothing else meanwhile.
 */
export const readScript: string = String.raw`${prelude}
local after, limit, budget = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local looked_at_most = 2000

local function split(name)
  local tokens = {}
  for token in string.gmatch(name, '[^.]+') do tokens[#tokens + 1] = token end
  return tokens
end

local names, patterns, wild = {}, {}, false
for each = 11, #ARGV do
  local name = ARGV[each]
  local tokens = split(name)
  local is_pattern = tokens[#tokens] == '>'
  for _, token in ipairs(tokens) do is_pattern = is_pattern or token == '*' end
  if is_pattern then
    wild = true
    patterns[#patterns + 1] = tokens
  else
    names[name] = true
  end
end

local function fits(pattern, tokens)
  for position, token in ipairs(pattern) do
    if token == '>' and position == #pattern then return #tokens >= position end
    if token ~= '*' and token ~= tokens[position] or tokens[position] == nil then return false end
  end
  return #tokens == #pattern
end

local known = {}
local function matches(topic)
  if names[topic] then return true end
  if not wild then return false end
  if known[topic] == nil then
    local tokens = split(topic)
    known[topic] = false
    for _, pattern in ipairs(patterns) do
      if fits(pattern, tokens) then known[topic] = true break end
    end
  end
  return known[topic]
end

local found, used, passed, more, looked = {}, 0, 0, false, after

-- False when the page is full.
local function take(at, topic, event)
  if #found >= limit * 3 or (used > budget and #found > 0) then
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
      local at, fields = seq_of(entry[1]), entry[2]
      if matches(fields[2]) then
        if not take(at, fields[2], fields[6]) then return end
      end
      passed = passed + #fields[6]
      count = count + 1
      looked = at
    end
    if #page < step then return end
    step = passed - before < 65536 and math.min(step * 2, 32) or 1
  until count >= looked_at_most or passed > budget * 4
  more = true
end

local function merge()
  local places = {}
  for topic in pairs(names) do
    local its, record = status(topic)
    if its ~= 'expired' then
      local range = call('ZRANGEBYLEX', index, '(' .. member(topic, after), '(' .. topic .. '\1', 'LIMIT', 0, limit + 1)
      for _, each in ipairs(range) do places[#places + 1] = { tonumber(string.sub(each, -16)), topic } end
      if its == 'ended' then
        local at = tonumber(string.match(record, '^e|(%d+)'))
        if at > after and not call('ZSCORE', index, member(topic, at)) then
          places[#places + 1] = { at, topic, call('HGET', ends, topic) }
        end
      end
    end
  end
  table.sort(places, function(a, b) return a[1] < b[1] end)
  for _, place in ipairs(places) do
    local at, topic, event = place[1], place[2], place[3]
    if not event then
      local entry = call('XRANGE', log, text(at), text(at))[1]
      event = entry and entry[2][6]
    end
    if event and not take(at, topic, event) then return end
    looked = at
  end
end

-- The newest matching event that is gone. In doubt, a newer one.
local function gone_up_to()
  if evicted <= after then return 0 end
  local newest = 0
  for topic in pairs(names) do
    local mark = tonumber(call('ZSCORE', gone, topic) or forgotten)
    -- A finite topic read from the start begins at its claim. The common mark of forgotten topics must not count if it is
    -- older: every new finite topic would seem to have lost something.
    if after > 0 or mark > tonumber(claimed_at(call('HGET', finite, topic))) then
      newest = math.max(newest, mark)
    end
  end
  if not wild then return newest end
  newest = math.max(newest, forgotten)
  local marks = call('ZREVRANGEBYSCORE', gone, '+inf', '(' .. text(math.max(after, newest)), 'WITHSCORES', 'LIMIT', 0, 1000)
  for each = 1, #marks, 2 do
    if matches(marks[each]) then return tonumber(marks[each + 1]) end
  end
  return #marks == 2000 and tonumber(marks[2000]) or newest
end

if wild then scan() else merge() end
local reply = { epoch, text(seq), text(base), text(gone_up_to()), more and '1' or '', text(looked) }
for each = 1, #found do reply[6 + each] = found[each] end
return reply
`

/** Which topics patterns match, in Lua. */
export const matching: string = String.raw`
local function split(name)
  local tokens = {}
  for token in string.gmatch(name, '[^.]+') do tokens[#tokens + 1] = token end
  return tokens
end

local function fits(pattern, tokens)
  for position, token in ipairs(pattern) do
    if token == '>' and position == #pattern then return #tokens >= position end
    if token ~= '*' and token ~= tokens[position] or tokens[position] == nil then return false end
  end
  return #tokens == #pattern
end

-- The topics and patterns ARGV[first] to ARGV[last]: the names, as keys and as a list, and the patterns.
local function asked_from(first, last)
  local asked = { names = {}, list = {}, patterns = {}, known = {} }
  for each = first, last do
    local name = ARGV[each]
    local is_pattern, tokens = false, nil
    if string.find(name, '[*>]') then
      tokens = split(name)
      is_pattern = tokens[#tokens] == '>'
      for _, token in ipairs(tokens) do is_pattern = is_pattern or token == '*' end
    end
    if is_pattern then
      asked.patterns[#asked.patterns + 1] = tokens
    elseif not asked.names[name] then
      asked.names[name] = true
      asked.list[#asked.list + 1] = name
    end
  end
  asked.wild = #asked.patterns > 0
  return asked
end

local function matches(asked, topic)
  if asked.names[topic] then return true end
  if not asked.wild then return false end
  if asked.known[topic] == nil then
    local tokens = split(topic)
    asked.known[topic] = false
    for _, pattern in ipairs(asked.patterns) do
      if fits(pattern, tokens) then asked.known[topic] = true break end
    end
  end
  return asked.known[topic]
end

-- Calls a command for all names at once; what it answers, by name.
local function look_up(command, key, names)
  local found = {}
  for first = 1, #names, 1000 do
    local last = math.min(first + 999, #names)
    local replies = call(command, key, unpack(names, first, last))
    for each = first, last do found[names[each]] = replies[each - first + 1] end
  end
  return found
end

-- The records of the finite topics among those asked for.
local function records_of(asked)
  if call('HLEN', finite) == 1 then return {} end
  return look_up('HMGET', finite, asked.list)
end

-- The newest event that is gone of those asked for. In doubt, a newer one. What is only held is gone for patterns.
local function gone_up_to(asked, after, records)
  if evicted <= after then return 0 end
  local newest = 0
  local marks = look_up('ZMSCORE', gone, asked.list)
  for _, topic in ipairs(asked.list) do
    local record = records[topic]
    local mark
    if record and record ~= 'x' then mark = holding(record) else mark = tonumber(marks[topic] or forgotten) end
    newest = math.max(newest, mark)
  end
  if not asked.wild then return newest end
  newest = math.max(newest, forgotten)
  local others = call('ZREVRANGEBYSCORE', gone, '+inf', '(' .. text(math.max(after, newest)), 'WITHSCORES', 'LIMIT', 0, 1000)
  for each = 1, #others, 2 do
    local topic = string.match(others[each], '^[^%z]*')
    if not asked.names[topic] and matches(asked, topic) then return tonumber(others[each + 1]) end
  end
  if #others == 2000 then newest = tonumber(others[2000]) end
  return newest
end
`

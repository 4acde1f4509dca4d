/** How room is made for what running and ended topics hold, in Lua. */
export const makingRoom: string = String.raw`
-- Where all topics together would hold too much, those that have ended expire, the oldest first. Returns whether there is
-- room.
local function make_room(bytes, most)
  while held_bytes + bytes > most do
    local oldest = call('ZRANGE', ended, 0, 0)[1]
    if oldest == guard then return false end
    expire(oldest, call('HGET', finite, oldest))
  end
  return true
end
`

/** How a topic begins to hold its events, in Lua. */
export const holdingEvents: string = String.raw`
-- The bytes of the events that a topic has, and up to where it has lost some.
local function count_events(topic)
  local places = call('ZRANGEBYLEX', index, '[' .. topic .. '\0', '(' .. topic .. '\1')
  local bytes = 0
  for _, place in ipairs(places) do
    local at = text(tonumber(string.sub(place, -16)))
    local entry = call('XRANGE', log, at, at)[1]
    local _, its = parse(entry)
    bytes = bytes + tonumber(its)
  end
  -- What was forgotten of other topics is not missing from one that begins here.
  return tonumber(call('ZSCORE', gone, topic) or #places > 0 and forgotten or 0), bytes
end
`

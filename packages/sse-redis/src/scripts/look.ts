import { matching } from './matching.ts'
import { logScript } from './prelude.ts'

/**
 * What readers need to know of the log besides its events: asked once for all of them that are about to read.
 *
 *     ARGV  8 the expiry up to which topics are known to have expired
 *           then for each set of topics: how many, the least position after which it is read, the topics and patterns
 *     ->    the log's state, the newest large event, '1' if too many topics have expired to name them
 *           how many have expired since, and their names
 *           then for each set: evicted up to, how many of its topics have expired, their names,
 *           of how many only the name reaches some events after the position, their names,
 *           how many have a last event of an earlier epoch, and for each: seq, topic, event
 */
export const lookScript: string = logScript(String.raw`${matching}
local expired_most = 1000
-- Their time is over, whether or not anybody has noticed yet.
for _, topic in ipairs(call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, 20)) do
  if call('HGET', finite, topic) then status(topic) end
end

local has_finite = call('HLEN', finite) > 1
local parts = {}
local first = 9
while first <= #ARGV do
  local last, after = first + 1 + tonumber(ARGV[first]), tonumber(ARGV[first + 1])
  local over, holders, endings, newest = {}, {}, {}, 0
  -- The common case, and the cheap one: nothing is over, and nothing that the readers lack is gone.
  if has_finite or evicted > after then
    local asked = asked_from(first + 2, last)
    local records = has_finite and look_up('HMGET', finite, asked.list) or {}
    for topic, record in pairs(records) do
      local its = 'open'
      if record then its, record = status(topic) end
      if its == 'expired' then
        over[#over + 1] = topic
        records[topic] = 'x'
      end
      if its == 'ended' then
        local at = tonumber(string.match(record, '^e|(%d+)'))
        if at > after and at <= base then
          endings[#endings + 1] = text(at)
          endings[#endings + 1] = topic
          endings[#endings + 1] = call('HGET', ends, topic)
        end
      end
      if (its == 'running' or its == 'ended') and trimmed > after then
        local from, to = '(' .. member(topic, after), '[' .. member(topic, trimmed)
        if #call('ZRANGEBYLEX', index, from, to, 'LIMIT', 0, 1) > 0 then holders[#holders + 1] = topic end
      end
    end
    newest = gone_up_to(asked, after, records)
  end
  parts[#parts + 1] = text(newest)
  for _, names in ipairs({ over, holders }) do
    parts[#parts + 1] = text(#names)
    for _, each in ipairs(names) do parts[#parts + 1] = each end
  end
  parts[#parts + 1] = text(#endings / 3)
  for _, each in ipairs(endings) do parts[#parts + 1] = each end
  first = last + 1
end

local since = call('ZRANGEBYSCORE', expired, '(' .. ARGV[8], '(+inf', 'LIMIT', 0, expired_most)
local is_too_many = #since == expired_most
if is_too_many then since = {} end
local reply = state_of_log()
for _, each in ipairs({ text(large), is_too_many and '1' or '', text(#since) }) do reply[#reply + 1] = each end
for _, each in ipairs(since) do reply[#reply + 1] = each end
for _, each in ipairs(parts) do reply[#reply + 1] = each end
return reply
`)

/**
 * Of each process the number of its last batch, and what it was answered, in Lua.
 *
 * A process sends one batch after the other. So the number tells whether an earlier attempt at this one was carried out. A
 * first attempt may also arrive late from some buffer on the way, long after its retry was carried out.
 */
export const lastBatches: string = String.raw`
local function last_batch(owner)
  local number, its_epoch, answers = string.match(call('HGET', writers, owner) or '', '^(%d+) (%S*) (.*)$')
  return tonumber(number or 0), its_epoch, answers
end

local function note_last_batch(owner, number, answers)
  write('HSET', writers, owner, number .. ' ' .. epoch .. ' ' .. answers)
end
`

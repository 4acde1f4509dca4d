/**
 * Of each process the number of its last batch, and what it was answered, in Lua.
 *
 * A process sends one batch after the other. So the number tells whether an earlier attempt at this one was carried out. A
 * first attempt may also arrive late from some buffer on the way, long after its retry was carried out.
 */
export const lastBatches: string = String.raw`
-- The number, and all that is kept of it: number, epoch and answers.
local function last_batch(owner)
  local kept = call('HGET', writers, owner)
  return kept and tonumber(string.match(kept, '^%d+')) or 0, kept
end

local function note_last_batch(owner, number, answers)
  write('HSET', writers, owner, number .. ' ' .. epoch .. ' ' .. answers)
end
`

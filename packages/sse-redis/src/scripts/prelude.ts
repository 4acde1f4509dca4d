import { keysVersion } from '../commands/keys.ts'
import { epochs } from './epochs.ts'
import { retention } from './retention.ts'

/**
 * What every script of the log begins with: the log's state, and the operations that scripts share.
 *
 *     KEYS  1 meta       hash    version, epoch, seq, base, run, and evicted, trimmed, forgotten, large, bytes, held,
 *                                expiries, controlled (see below)
 *           2 log        stream  <seq>-0 -> epoch, <appended at> <bytes> <topic> <event>    the events, in one order
 *           3 index      zset    <topic> NUL <seq>, all of score 0                      the places of each topic
 *           4 gone       zset    topic -> seq of its newest event that is gone
 *                                topic NUL -> seq of its newest event that only its name reaches
 *           5 held       hash    <topic> NUL <seq> -> event        what only the names of running and ended topics reach
 *           6 finite     hash    topic -> r|owner|token|claimed at|epoch|lost|bytes|cancelled,
 *                                e|seq of its end|token|claimed at|epoch|lost|bytes|, x
 *           7 ends       hash    topic -> its last event, readable in a later epoch, too
 *           8 ended      zset    topic -> seq of its end
 *           9 due        zset    topic -> when its lease ends, or its time is over
 *          10 expired    zset    topic -> the order in which their time was over
 *          11 writers    hash    process -> number of its last batch, epoch, and what it was answered
 *          12 alive      zset    process -> when it last renewed its leases
 *          13 producers  zset    <topic> <id> -> when it last appended
 *          14 batches    hash    <topic> <id> -> epoch, number and position of its latest batch; and the positions of
 *                                those before it, see producers.ts
 *          15 controls   hash    n<name> -> <written at> <ttl> <told> <entry>
 *          16 lapses     zset    n<name> -> until when it is kept
 *
 * In meta, `evicted` is the newest seq that is gone, of whatever topic, and `trimmed` the one up to which all have left the
 * stream; `forgotten` the greatest mark that `gone` no longer has, and `bytes` what its marks take; `large` the newest event
 * too large for a read of many at once; `held` the bytes of all running and ended topics; `expiries` how many topics have
 * expired, and `controlled` how many control entries have been announced.
 *
 * An event is one field, named by its epoch. So a reader of a range of the stream with a bare XRANGE that finds each seq
 * of it in one epoch, has all of it, whatever server or replica answered.
 *
 * In a record, `lost` is the newest event that the topic had lost when it began to be held, and `bytes` what it has held
 * since. Both are of the record's epoch: in a later one all is lost.
 *
 * A fixed number of keys, each bounded, whatever the number of topics. A key for each topic would have to be known
 * before the script runs, and a stream for each costs 4 KiB before its second event.
 *
 * Redis deletes a key that becomes empty. No key of a log ever does, because each holds a guard from the beginning of its
 * epoch: a member or field that stands for nothing. (A stream may be empty.) So a key that does not exist
 * was evicted, expired or deleted, with something in it that a reader had yet to get. That begins a new epoch, before
 * the script reads or writes anything else.
 *
 *     ARGV  1 channel  2 the epoch that the caller knows  3 the greatest seq that it has seen in it  4 a new epoch
 *           5 'lossless' or 'lossy'  6 maxEvents  7 maxAgeMs  8... the operation's own
 *
 * All times are by Redis' clock: the clocks of the processes may differ, and jump.
 */
const prelude = String.raw`
local meta, log, index, gone, held, finite, ends, ended, due, expired, writers, alive, producers, batches, controls,
  lapses = unpack(KEYS)
local channel, known_epoch, seen, fresh_epoch, writes = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local max_events, max_age = tonumber(ARGV[6]), tonumber(ARGV[7])
local call = redis.call
local guard = ' '
-- Behind a topic, in the key of marks.
local hidden = '\0'
local keys_version = '${keysVersion}'

-- A key of another type would fail a script halfway, so all are tried before the first write. A script that knows which
-- keys it may write tries those.
local sizes = { 'HLEN', 'XLEN', 'ZCARD', 'ZCARD', 'HLEN', 'HLEN', 'HLEN', 'ZCARD', 'ZCARD', 'ZCARD', 'HLEN', 'ZCARD',
  'ZCARD', 'HLEN', 'HLEN', 'ZCARD' }
local function check_type(key, command)
  local size = redis.pcall(command, key)
  if type(size) == 'table' then error('UNTOUCHED ' .. key .. ': ' .. size.err, 0) end
end

local are_checked = false
-- Whether the script has changed anything yet: then its failure leaves open what happened.
local has_written = false
local function write(...)
  if not are_checked then
    for each, key in ipairs(KEYS) do check_type(key, sizes[each]) end
    are_checked = true
  end
  local reply = call(...)
  has_written = true
  return reply
end

local clock = call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local server = call('INFO', 'server')
local _, before_run = string.find(server, 'run_id:', 1, true)
-- 40 hexadecimal digits.
local run = string.sub(server, before_run + 1, before_run + 40)
local state = call('HMGET', meta, 'epoch', 'run', 'version', 'seq', 'base', 'evicted', 'trimmed', 'forgotten', 'large',
  'expiries', 'bytes', 'held', 'controlled')
local epoch = state[1]
-- Keys of another version mean something else: nothing is read or written.
if epoch and state[3] ~= keys_version then return redis.error_reply('VERSION ' .. (state[3] or '1')) end
for each = 4, 13 do state[each] = tonumber(state[each]) or 0 end
local seq, base, evicted, trimmed, forgotten = state[4], state[5], state[6], state[7], state[8]
local large, expiries, gone_bytes, held_bytes, controlled = state[9], state[10], state[11], state[12], state[13]

-- Lua 5.1 writes a great number as 1e+15.
local function text(number)
  return string.format('%.0f', number)
end

local function member(topic, at)
  return topic .. '\0' .. string.format('%016.0f', at)
end

local function seq_of(id)
  return tonumber(string.match(id, '^%d+'))
end

-- When it was appended, the bytes that it counts for, its topic and event, of an entry of the stream.
local function parse(entry)
  return string.match(entry[2][2], '^(%d+) (%d+) ([^ ]+) (.*)$')
end

-- What every reply begins with.
local function state_of_log()
  return { epoch, text(seq), text(base), text(trimmed), text(expiries), text(controlled) }
end

-- At maxmemory Redis refuses a script whose first write needs memory, but not its later writes. After this one, a
-- script may write a little, to free other memory or to keep a topic from being lost.
local function write_in_need()
  write('HDEL', meta, '')
end

${epochs}${retention}`

/**
 * A script of the log.
 *
 * @param body - returns the reply. A failure before the first write is distinguished from one after it:
 *   `UNTOUCHED` and `HALFWAY`, then the cause.
 */
export function logScript(body: string): string {
  return String.raw`${prelude}
local function run_operation()
  follow_server()
${body}
end

local is_done, reply = pcall(run_operation)
if is_done then return reply end
local cause = type(reply) == 'table' and reply.err or tostring(reply)
-- Redis' own answer, such as OOM or NOPERM, if nothing was changed.
if not has_written then return redis.error_reply(string.find(cause, '^%u+ ') and cause or 'UNTOUCHED ' .. cause) end
return redis.error_reply('HALFWAY ' .. cause)
`
}

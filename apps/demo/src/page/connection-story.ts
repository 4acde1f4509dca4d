import type { ConnectionRecord } from './connection/connection-record.ts'
import type { Resumption } from './connection/resumption.ts'
import type { Gap, StreamFailure, StreamStatus } from '@sse-toolkit/event-source-client'
import { formatCount, formatDuration, inSeconds } from './format.ts'
import type { Journal } from './journal.ts'
import type { SequenceMeter } from './sequence-meter.ts'
import type { StatusLine } from './status.ts'

/** Tells the connection's life in plain words, from what the client reports. */
export interface ConnectionStory {
  onStatus(status: StreamStatus): void
  onGap(gap: Gap): void
  /** A number of the sequence arrived: from the log, or as it was published. */
  onNumber(n: number, arrival: 'caught-up' | 'live'): void
  /** Time has passed: a silence is reported as well. */
  tick(): void
}

/** A shorter interruption is not reported. */
const MOMENT_MS = 500
/** The page gets fifteen events a second: a stream that is silent for longer, or later, has something. */
const QUIET_MS = 1_500

/** The state of a loss until the numbers are live again. */
interface Absence {
  readonly lostAtMs: number
  readonly missing: number
  readonly repeated: number
  caughtUp: number
  isBack: boolean
  hasGap: boolean
}

export function createConnectionStory(options: {
  journal: Journal
  statusLine: StatusLine
  meter: SequenceMeter
  record: Pick<ConnectionRecord, 'soundAtMs' | 'latenessMs'>
  now: () => number
  onResumed: (resumption: Resumption) => void
}): ConnectionStory {
  const { journal, statusLine, meter, record, now, onResumed } = options
  let absence: Absence | undefined
  let lastNumber = 0
  let wasOpen = false
  let state: StreamStatus['state'] | undefined
  let retryAtMs = 0
  /** The status while the connection is open in name only. */
  let quiet: 'Silent' | 'Behind' | undefined

  function open(): void {
    statusLine.show('open', 'Live')
    quiet = undefined
    if (absence !== undefined) absence.isBack = true
    else if (!wasOpen) journal.note('Connected. The charts begin with the events still in the log.', 'good')
    wasOpen = true
  }

  function lose(status: StreamStatus & { state: 'reconnecting' }): void {
    const { missing, repeated } = meter.counts
    const delay = formatDuration(status.delayMs)
    const why = describeCause(status.cause)
    statusLine.show('reconnecting', 'Reconnecting')
    retryAtMs = now() + status.delayMs
    if (absence === undefined) {
      absence = { lostAtMs: now(), missing, repeated, caughtUp: 0, isBack: false, hasGap: false }
      journal.note(`${why} Trying again in ${delay}.`, 'trouble')
    } else if (absence.isBack) {
      absence.isBack = false
      journal.note(`${why} Next attempt in ${delay}.`, 'trouble')
    } else {
      const failure = status.cause.code === 'network' ? 'No connection.' : why
      journal.note(`Attempt ${status.attempt - 1}: ${failure} Next attempt in ${delay}.`, 'trouble')
    }
  }

  function settle({ lostAtMs, missing, repeated, caughtUp, hasGap }: Absence): void {
    const away = formatDuration(now() - lostAtMs)
    const counts = meter.counts
    const newlyMissing = counts.missing - missing
    const newlyRepeated = counts.repeated - repeated
    const numbers = caughtUp === 1 ? '1 number' : `${formatCount(caughtUp)} numbers`
    const kind = newlyMissing + newlyRepeated > 0 ? 'trouble' : 'good'
    journal.note(
      hasGap
        ? `Live again after ${away}.`
        : `Resumed after ${away}: caught up on ${numbers}, ${newlyMissing} missing, ${newlyRepeated} repeated.`,
      kind,
    )
    onResumed({ caughtUp, missing: newlyMissing, repeated: newlyRepeated, hasGap })
  }

  /** While the connection is open, it may be so in name only. */
  function showSilence(): void {
    const silentMs = record.soundAtMs === undefined ? 0 : now() - record.soundAtMs
    const lateMs = record.latenessMs ?? 0
    const was = quiet
    if (silentMs >= QUIET_MS) quiet = 'Silent'
    else quiet = lateMs >= QUIET_MS ? 'Behind' : undefined
    if (quiet !== was) statusLine.show(quiet === undefined ? 'open' : 'quiet', quiet ?? 'Live')
    if (quiet === 'Silent') statusLine.count(`for ${inSeconds(silentMs)}`)
    else if (quiet === 'Behind') statusLine.count(`by ${inSeconds(lateMs)}`)
  }

  return {
    onStatus(status) {
      const isOpen = state === 'open'
      state = status.state
      switch (status.state) {
        case 'open':
          open()
          break
        case 'reconnecting':
          lose(status)
          break
        case 'connecting':
          // A connection that is reopened while open serves a tab that joined and needs older events, or a tab that takes over.
          statusLine.show('connecting', wasOpen ? 'Reconnecting' : 'Connecting', isOpen ? MOMENT_MS : 0)
          break
        case 'paused':
          statusLine.show('connecting', 'Paused')
          break
        case 'closed':
          statusLine.show('closed', 'Closed')
          journal.note(
            status.reason === 'no-content'
              ? 'The server refuses this browser from now on (204), so the stream is closed for good. You can restore access in the Connection view.'
              : `The stream is closed for good: ${status.cause?.message ?? status.reason}.`,
            'trouble',
          )
          break
      }
    },
    onGap(gap) {
      if (absence !== undefined) absence.hasGap = true
      journal.note(describeGap(gap, lastNumber), 'gap')
    },
    tick() {
      if (state === 'open') showSilence()
      else if (state === 'reconnecting') {
        const leftMs = retryAtMs - now()
        statusLine.count(leftMs < 1_000 ? '' : `in ${inSeconds(leftMs)}`)
      }
    },
    onNumber(n, arrival) {
      lastNumber = n
      if (absence === undefined || !absence.isBack) return
      if (arrival === 'caught-up') absence.caughtUp += 1
      else {
        settle(absence)
        absence = undefined
      }
    },
  }
}

/** Those that a viewer can make happen; any other speaks for itself. */
const CAUSES: Partial<Record<StreamFailure['code'], string>> = {
  network: 'The connection broke.',
  ended: 'The server ended the stream.',
  'connect-timeout': 'The server did not answer in time.',
  'idle-timeout': 'Even the heartbeats stopped, so the client considers the connection dead.',
  suspended: 'This machine was asleep, so the client no longer trusts the connection.',
}

function describeCause(cause: StreamFailure): string {
  return CAUSES[cause.code] ?? `${cause.message}.`
}

function describeGap({ reason }: Gap, lastNumber: number): string {
  const known = `This page had everything up to ${formatCount(lastNumber)}`
  switch (reason) {
    case 'epoch':
      return `The log was in memory, and was lost with its process; a new log has begun. ${known}. Later events are lost, and the stream has announced it.`
    case 'evicted':
      return `${known} and was away for longer than the log keeps events. Some events are lost, and the stream has announced it.`
    case 'future':
      return `The server's log ends before the events that this page has seen. ${known}; the stream has announced its new position.`
    case 'dropped':
      return `This page read too slowly, and the stream has announced which events were dropped. ${known}.`
    default:
      return `The stream announced a gap (${String(reason)}). ${known}.`
  }
}

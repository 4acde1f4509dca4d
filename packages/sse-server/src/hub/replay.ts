import type { LogEntry, LogPage } from '../log/event-log.ts'
import { formatEventId, parseEventId } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import type { Gap, GapReason } from '../wire-contract/reserved-events.ts'
import type { Start } from './start.ts'

/*
 * How one subscription gets from its position in the log to what is live, as a pure state machine:
 * (state, input) -> next state + effects.
 *
 *                            opening
 *        behind the head  .-----' '-----------------------------.  at the head
 *                |<-------'                                     '---------->|
 *                v      page          page-sent: the last        held-sent  v
 *             reading ---------> sending -----------------> releasing ----> live
 *              ^   ^                |                           |            |
 *              |   `----------------'                           |            |
 *              |     page-sent: there is more, or               |            |
 *              |     some of what came then was not held        |            |
 *              `------------------------------------------------'            |
 *              |             held-sent: not all was held                     |
 *              `-------------------------------------------------------------'
 *                            skipped, or restarted: what was appended since is only in the log
 *
 * While a page is read and sent, new events are held, to be sent after the last page. They are held as long as they are
 * few and the output has room. Otherwise they are dropped from here, and the next read finds them in the log. So nothing is
 * missed between replay and live, nothing comes twice, and what waits in memory is bounded, however long the replay and
 * however slow the reader.
 *
 * The reader's position is the subscription's, and comes with each input: in the live phase it alone changes.
 */

/** How many events are read from the log at once, and how many new ones may be held during such a read. */
export const pageSize = 256

interface Memory {
  /** Why the reader could not go on after what it had or asked for: announced with the next page of the log. */
  readonly gap: Start['gap']
  /** Whether the reader asked for all that is held, and so misses nothing that was evicted before. */
  readonly fromEarliest: boolean
  /** Up to where the reader knows that events are gone. */
  readonly announcedUpTo: number
}

interface Holding {
  /** How many events are held; null if one came that was not. */
  readonly held: number | null
}

type Phase =
  /** Not begun: what is appended now lies before the head that it begins with. */
  | { readonly phase: 'opening' }
  | { readonly phase: 'live' }
  /** `epoch`: of the position that is read after. */
  | ({ readonly phase: 'reading'; readonly epoch: string } & Holding)
  /** `hasLosses`: the log no longer has all events of these topics. */
  | ({ readonly phase: 'sending'; readonly isLastPage: boolean; readonly hasLosses: boolean } & Holding)
  | ({ readonly phase: 'releasing'; readonly hasLosses: boolean } & Holding)

export type ReplayState = Memory & Phase

/** Positions are the reader's; `head` is the newest that is known. `page-sent` and `held-sent` say that an effect is done. */
export type ReplayInput =
  /** In the live phase an event that was appended is simply sent, and does not come here. */
  | { readonly type: 'appended'; readonly entry: LogEntry }
  /** Events were appended without notice. */
  | { readonly type: 'skipped'; readonly position: Position }
  | { readonly type: 'restarted'; readonly position: Position; readonly head: Position }
  | { readonly type: 'page'; readonly page: LogPage; readonly position: Position; readonly head: Position }
  /** The output has no room for the next event of the page, and it may take long until it has. */
  | { readonly type: 'blocked' }
  | { readonly type: 'page-sent' | 'held-sent'; readonly position: Position }

/**
 * - `read`: forget what is held, and read the log after the reader's position.
 * - `send-page`: send these events, as the output has room.
 * - `hold`: keep this event. `drop-held`: forget all that are kept. `release`: send them.
 * - `check-ends`: topics may have expired before the reader came to their end.
 * - `move`: this is the reader's position now.
 * - `announce`: a gap, with this as the reader's position after it.
 */
export type ReplayEffect =
  | { readonly type: 'read' | 'drop-held' | 'release' | 'check-ends' }
  | { readonly type: 'send-page'; readonly entries: readonly LogEntry[] }
  | { readonly type: 'hold'; readonly entry: LogEntry }
  | { readonly type: 'move'; readonly position: Position }
  | { readonly type: 'announce'; readonly gap: Gap; readonly position: Position }

export interface ReplayStep {
  readonly state: ReplayState
  readonly effects: readonly ReplayEffect[]
}

export const opening: ReplayState = {
  phase: 'opening',
  gap: undefined,
  fromEarliest: false,
  announcedUpTo: 0,
}

// Shared by the subscriptions that have never replayed.
const live: ReplayState = { phase: 'live', gap: undefined, fromEarliest: false, announcedUpTo: 0 }

export function beginReplay({ position, gap, fromEarliest = false }: Start, head: Position): ReplayStep {
  const memory = { gap, fromEarliest, announcedUpTo: 0 }
  // What was appended up to the head was announced before this reader came: it can have it from the log only.
  return position.seq < head.seq ? read(memory, position.epoch) : goLive(memory, position, head)
}

/** Inputs that make no sense in a state leave it as it is, without effects. */
export function stepReplay(state: ReplayState, input: ReplayInput): ReplayStep {
  if (state.phase === 'opening') return stay(state)
  switch (input.type) {
    case 'appended':
      return hold(state, input.entry)
    case 'skipped':
      return fallBehind(state, input.position)
    case 'restarted':
      return restart(state, input.position, input.head)
    case 'page':
      return takePage(state, input.page, input.position, input.head)
    case 'blocked':
      return state.phase === 'sending' ? dropHeld(state) : stay(state)
    case 'page-sent':
      return pageSent(state, input.position)
    case 'held-sent':
    default:
      return heldSent(state, input.position)
  }
}

function to(
  { gap, fromEarliest, announcedUpTo }: Memory,
  phase: Phase,
  ...effects: ReplayEffect[]
): ReplayStep {
  return { state: { gap, fromEarliest, announcedUpTo, ...phase }, effects }
}

function stay(state: ReplayState): ReplayStep {
  return { state, effects: [] }
}

function read(memory: Memory, epoch: string): ReplayStep {
  return to(memory, { phase: 'reading', epoch, held: 0 }, { type: 'read' })
}

type Begun = Exclude<ReplayState, { phase: 'opening' }>

function hold(state: Begun, entry: LogEntry): ReplayStep {
  if (state.phase === 'live' || state.held === null) return stay(state)
  if (state.held === pageSize) return dropHeld(state)
  return { state: { ...state, held: state.held + 1 }, effects: [{ type: 'hold', entry }] }
}

function dropHeld(state: Exclude<Begun, { phase: 'live' }>): ReplayStep {
  return { state: { ...state, held: null }, effects: [{ type: 'drop-held' }] }
}

function pageSent(state: Begun, { epoch }: Position): ReplayStep {
  if (state.phase !== 'sending') return stay(state)
  const { held, hasLosses, isLastPage } = state
  if (!isLastPage || held === null) return read(state, epoch)
  return to(state, { phase: 'releasing', hasLosses, held }, { type: 'release' })
}

function heldSent(state: Begun, { epoch }: Position): ReplayStep {
  if (state.phase !== 'releasing') return stay(state)
  if (state.held === null) return read(state, epoch)
  return state.hasLosses ? to(state, { phase: 'live' }, { type: 'check-ends' }) : to(state, { phase: 'live' })
}

function fallBehind(state: Begun, position: Position): ReplayStep {
  return state.phase === 'live' ? read(state, position.epoch) : dropHeld(state)
}

function restart(state: Begun, position: Position, head: Position): ReplayStep {
  if (head.epoch === position.epoch) {
    // The reader's place was looked up after the log had restarted, and before the hub was notified.
    return head.seq > position.seq ? fallBehind(state, position) : stay(state)
  }
  // Late news of the epoch before had taken the reader back from here. Nothing is lost, and nothing has been announced yet.
  const left = state.gap?.reason === 'epoch' ? parseEventId(state.gap.requested) : undefined
  if (left?.epoch === head.epoch && left.seq <= head.seq) return moveTo(state, left, undefined)
  const gap = state.gap ?? { reason: 'epoch' as const, requested: formatEventId(position) }
  return moveTo(state, { epoch: head.epoch, seq: 0 }, gap)
}

/** Reads even where nothing may be there: a log that is in a later epoch says so before its page comes. */
function moveTo(state: Begun, position: Position, gap: Memory['gap']): ReplayStep {
  const move = { type: 'move', position } as const
  if (state.phase !== 'live')
    return {
      state: { ...state, gap, announcedUpTo: 0, held: null },
      effects: [{ type: 'drop-held' }, move],
    }
  const { state: reading, effects } = read({ ...state, gap, announcedUpTo: 0 }, position.epoch)
  return { state: reading, effects: [move, ...effects] }
}

function goLive(memory: Memory, position: Position, head: Position): ReplayStep {
  const { gap, announcedUpTo } = memory
  const state = announcedUpTo === 0 ? live : { ...live, announcedUpTo }
  if (gap === undefined) return stay(state)
  return { state, effects: [announce(gap.reason, gap.requested, null, position, head)] }
}

function takePage(state: Begun, page: LogPage, position: Position, head: Position): ReplayStep {
  if (state.phase !== 'reading') return stay(state)
  // The log has restarted: a page of another epoch says nothing of what comes after the reader's position.
  if (state.epoch !== position.epoch) return read(state, position.epoch)
  const { gap, fromEarliest, held } = state
  const { entries, more, evictedUpTo } = page
  const effects: ReplayEffect[] = []
  let announcedUpTo = Math.max(state.announcedUpTo, evictedUpTo)
  if (gap !== undefined) effects.push(announce(gap.reason, gap.requested, page, position, head))
  else if (!fromEarliest && evictedUpTo > Math.max(position.seq, state.announcedUpTo))
    effects.push(announceEviction(page, position, head))
  else if (!fromEarliest) announcedUpTo = state.announcedUpTo
  effects.push({ type: 'send-page', entries })
  const memory = { gap: undefined, fromEarliest: false, announcedUpTo }
  return to(memory, { phase: 'sending', isLastPage: !more, hasLosses: evictedUpTo > 0, held }, ...effects)
}

/** The reader's position becomes the newest before which nothing can be had. */
function announceEviction(page: LogPage, position: Position, head: Position): ReplayEffect {
  const { entries, evictedUpTo } = page
  const before = Math.min(evictedUpTo, (entries[0]?.position.seq ?? Number.POSITIVE_INFINITY) - 1)
  const after = { epoch: position.epoch, seq: Math.max(position.seq, before) }
  return announce('evicted', formatEventId(position), page, after, head)
}

function announce(
  reason: GapReason,
  requested: string,
  page: LogPage | null,
  position: Position,
  head: Position,
): ReplayEffect {
  const { epoch, seq } = position
  const first = page?.entries[0]
  // The log may be further than the hub knows.
  const latest = Math.max(
    seq,
    head.epoch === epoch ? head.seq : 0,
    page?.evictedUpTo ?? 0,
    page?.entries.at(-1)?.position.seq ?? 0,
  )
  const gap = {
    reason,
    requested,
    earliest: first === undefined ? null : formatEventId(first.position),
    latest: formatEventId({ epoch, seq: latest }),
  }
  return { type: 'announce', gap, position }
}

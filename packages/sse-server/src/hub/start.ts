import type { EventLog, TopicStatus } from '../log/event-log.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import { parseRequestedStart } from '../wire-contract/requested-event-id.ts'
import type { RequestedStart } from '../wire-contract/requested-event-id.ts'
import type { Gap, GapReason } from '../wire-contract/reserved-events.ts'
import type { KnownHead } from './known-head.ts'
import { UnendedTopics } from './unended-topics.ts'

/** A subscription's place in the log when it begins. */
export interface Start {
  /** After which it goes on. */
  readonly position: Position
  /** The log's head at that time. */
  readonly head: Position
  /** Whether it asked for whatever is held: then it misses nothing that was evicted before. */
  readonly fromEarliest?: boolean | undefined
  /** Whether it goes on after a position that the client has, and the log has not left behind. */
  readonly isFromPosition?: boolean | undefined
  /** Why it cannot go on after what was asked for, and what that was. */
  readonly gap?: { readonly reason: GapReason; readonly requested: string } | undefined
}

/** What a subscription's options say of its start. */
export interface StartRules {
  /** For a reader that asks whether there is something to join: if not, it gets 204. */
  readonly onlyWhileRunning?: boolean | undefined
  /** False for a reader to which a gap cannot be announced. It must not get half an answer that looks whole. */
  readonly isGapTold?: boolean | undefined
}

/** What the log said of a subscription, before it is opened. */
export interface PlannedStart {
  /** Where it begins if it is opened now: the log may have restarted since it was asked. */
  readonly atOpening: () => Start
  readonly unendedTopics: UnendedTopics
}

/**
 * Asks the log where a subscription begins.
 *
 * @returns a status instead if there is nothing to subscribe to: 410 if all of its topics have expired, or their beginning
 *   is gone and the gap cannot be announced; 204 if the reader has had all of them to their end, or if it asks for running topics
 *   only and none is running.
 * @throws what the log throws.
 */
export async function planStart(
  log: EventLog,
  known: KnownHead,
  patterns: readonly TopicPattern[],
  requestedId: string | undefined,
  rules: StartRules = {},
): Promise<PlannedStart | 204 | 410> {
  let restarts: number
  let knownEpoch: string
  let head: Position
  let statuses: readonly TopicStatus[] | undefined
  do {
    restarts = known.restarts
    knownEpoch = known.position.epoch
    head = await log.head()
    statuses = await statusesOf(log, patterns)
    // If the log has restarted in the meantime, everything is asked again, whether or not this hub has been notified.
  } while (restarts !== known.restarts || (statuses !== undefined && (await log.head()).epoch !== head.epoch))
  const isRunning = statuses?.some(({ state }) => state === 'running') === true
  if (rules.onlyWhileRunning === true && !isRunning) return 204
  if (statuses?.every(({ state }) => state === 'expired')) return 410
  const hasBegun = statuses?.every(({ state }) => state !== 'open') === true
  const start = startAt(parseRequestedStart(requestedId), head, hasBegun)
  const unendedTopics = new UnendedTopics(patterns, statuses, start.position.seq)
  if (unendedTopics.areOver) return 204
  if (rules.isGapTold === false && unendedTopics.areFinite === true) {
    const { evictedUpTo } = await log.read(patterns, start.position.seq, 1)
    if (start.gap !== undefined || evictedUpTo > start.position.seq)
      return rules.onlyWhileRunning === true ? 204 : 410
  }
  return {
    unendedTopics,
    atOpening() {
      // The hub has been notified of a restart since the log was asked. If the log was in another epoch already than the
      // hub knew, that was old news, and the hub will be notified again.
      const isStale =
        restarts !== known.restarts &&
        head.epoch !== known.position.epoch &&
        (knownEpoch === head.epoch || knownEpoch === '')
      if (!isStale) return start
      return startAt(parseRequestedStart(formatEventId(start.position)), known.position, false)
    },
  }
}

/** The gap that a subscription begins with. What it lacks, what comes first makes good. */
export function gapOf({ gap, head }: Start): Gap | undefined {
  return gap && { ...gap, earliest: null, latest: formatEventId(head) }
}

/** Where each topic stands; undefined if there are patterns among them, which never come to an end. */
async function statusesOf(
  log: EventLog,
  patterns: readonly TopicPattern[],
): Promise<readonly TopicStatus[] | undefined> {
  if (patterns.some((pattern) => pattern.hasWildcard)) return undefined
  return Promise.all(patterns.map((pattern) => log.status(pattern.text)))
}

/** @param isFinite - whether its topics come to an end: a reader that names no start gets such a topic from its beginning. */
function startAt(requested: RequestedStart, head: Position, isFinite: boolean): Start {
  const beginning = { epoch: head.epoch, seq: 0 }
  if (requested.from === 'now') return { position: isFinite ? beginning : head, head }
  if (requested.from === 'beginning') return { position: beginning, head, fromEarliest: !isFinite }
  const { id, position } = requested
  // An id that is not a position is of another log, and so of another epoch.
  if (position?.epoch !== head.epoch)
    return { position: beginning, head, gap: { reason: 'epoch', requested: id } }
  if (position.seq > head.seq) return { position: head, head, gap: { reason: 'future', requested: id } }
  return { position, head, isFromPosition: true }
}

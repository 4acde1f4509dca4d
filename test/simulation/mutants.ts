/** A way to break the real code that the simulation must notice. */
export interface Mutant {
  readonly name: string
  /** What a reader, or the process, suffers. */
  readonly breaks: string
  /** From the root of the repository. */
  readonly file: string
  /** Occurs exactly once in the file: a mutant that no longer fits is an error, not a pass. */
  readonly find: string
  readonly replace: string
  /** A seed that shows it, where many do not: the tests begin their search there. */
  readonly shownBy?: number
}

const hub = 'packages/sse-server/src/hub'
const log = 'packages/sse-server/src/log'
const server = 'packages/sse-server/src'
const client = 'packages/event-source-client/src'

export const mutants: readonly Mutant[] = [
  {
    name: 'replay-off-by-one',
    breaks: 'a replay of named topics leaves out the first event after the position',
    file: `${log}/event-store.ts`,
    find: 'const first = slots.partition((slot) => slot.seq <= after)',
    replace: 'const first = slots.partition((slot) => slot.seq <= after + 1)',
    shownBy: 47,
  },
  {
    name: 'live-beside-replay-lost',
    breaks: 'what arrives beside the last read of a replay is not held',
    file: `${hub}/replay.ts`,
    find: "effects: [{ type: 'hold', entry }]",
    replace: 'effects: []',
    shownBy: 52,
  },
  {
    name: 'held-beside-replay-twice',
    breaks: 'what came by two ways is sent twice',
    file: `${hub}/subscription.ts`,
    find: 'if (position.epoch !== this.#position.epoch || position.seq <= this.#position.seq) return',
    replace: 'if (position.epoch !== this.#position.epoch) return',
  },
  {
    name: 'priming-id-omitted',
    breaks: 'a client that is cut before its first event does not know where it was',
    file: `${hub}/subscription.ts`,
    find: 'start.gap === undefined && !isFirst ? formatEventId(start.position) : undefined',
    replace: 'undefined',
  },
  {
    name: 'priming-id-before-gap',
    breaks: 'a client that is cut between its first block and the gap is never told of the gap',
    file: `${hub}/subscription.ts`,
    find: 'start.gap === undefined && !isFirst ? formatEventId(start.position) : undefined',
    replace: 'formatEventId(start.position)',
    shownBy: 319,
  },
  {
    name: 'epoch-ignored',
    breaks: 'a position of a log that was lost is taken for one of its successor',
    file: `${hub}/start.ts`,
    find: 'if (position?.epoch !== head.epoch)',
    replace: 'if (position === undefined)',
  },
  {
    name: 'late-epoch-sent',
    breaks: 'events of the log that was lost reach those who came after its restart',
    file: `${hub}/subscription.ts`,
    find: 'if (position.epoch !== this.#position.epoch || position.seq <= this.#position.seq) return',
    replace: 'if (position.epoch === this.#position.epoch && position.seq <= this.#position.seq) return',
    shownBy: 848,
  },
  {
    name: 'restart-skips',
    breaks: 'whoever came after a restart, and before the hub heard of it, loses what was stored between',
    file: `${hub}/replay.ts`,
    find: 'return head.seq > position.seq ? fallBehind(state, position) : stay(state)',
    replace: 'return stay(state)',
    shownBy: 166,
  },
  {
    name: 'skipped-not-read',
    breaks: 'events that were evicted before the hub heard of them are lost without a word',
    file: `${hub}/replay.ts`,
    find: "return state.phase === 'live' ? read(state, position.epoch) : dropHeld(state)",
    replace: "return state.phase === 'live' ? stay(state) : dropHeld(state)",
    shownBy: 56,
  },
  {
    name: 'told-out-of-order',
    breaks:
      'an event that a filter or a listener publishes reaches some readers before the one that caused it',
    file: `${log}/log-tails.ts`,
    find: 'if (this.#isNotifying) return\n',
    replace: '',
    shownBy: 52,
  },
  {
    name: 'live-before-held-is-sent',
    breaks:
      'an event that a filter publishes at the end of a replay overtakes those that came during its last read',
    file: `${hub}/subscription.ts`,
    find: 'for (const entry of this.#held ?? []) this.#send(entry, false)',
    replace:
      "this.#replay = { ...this.#replay, phase: 'live' } as ReplayState\n    for (const entry of this.#held ?? []) this.#send(entry, false)",
    shownBy: 139,
  },
  {
    name: 'eviction-mark-forgotten',
    breaks: 'the log does not say that it has let events go',
    file: `${log}/event-store.ts`,
    find: 'record.evictedUpTo = seq',
    replace: '',
  },
  {
    name: 'gap-without-position',
    breaks: 'a gap does not move the position of those who are told of it',
    file: `${server}/wire-contract/reserved-events.ts`,
    find: 'position === undefined ? event : { ...event, id: position }',
    replace: 'event',
  },
  {
    name: 'drop-oldest-silent',
    breaks: 'what is dropped for a slow reader is not announced',
    file: `${server}/connection/frame-queue.ts`,
    find: 'this.#dropped = { id: waiting.shift()?.id ?? this.#dropped?.id }',
    replace: 'waiting.shift()',
    shownBy: 434,
  },
  {
    name: 'buffer-limit-in-events',
    breaks: 'the limit on what waits for one connection counts events, not bytes',
    file: `${server}/connection/waiting-frames.ts`,
    find: 'this.#frames.push(frame)\n    this.byteLength += frame.bytes.byteLength',
    replace: 'this.#frames.push(frame)\n    this.byteLength += 1',
    shownBy: 183,
  },
  {
    name: 'filter-not-applied-on-replay',
    breaks: 'a replay sends what the filter would hold back',
    file: `${hub}/subscription.ts`,
    find: 'if (filter !== undefined && !this.#passes(entry, filter)) return',
    replace: 'if (filter !== undefined && !replayed && !this.#passes(entry, filter)) return',
  },
  {
    name: 'expiry-not-checked',
    breaks: 'a connection outlives its authorization',
    file: `${hub}/expiry.ts`,
    find: 'return this.#expiresAt <= this.#runtime.wallClock()',
    replace: 'return false',
  },
  {
    name: 'expired-let-in',
    breaks: 'whoever comes with a grant that has expired is let in',
    file: `${hub}/admission.ts`,
    find: 'if (expiresAt <= runtime.wallClock()) return 403',
    replace: '',
  },
  {
    name: 'pattern-matches-stale',
    breaks: 'a new pattern does not get the topics that others have asked for before',
    file: `${server}/topics/topic-index.ts`,
    find: 'this.#insert(record)\n    this.#matches.clear()',
    replace: 'this.#insert(record)',
  },
  {
    name: 'claim-not-heeded',
    breaks: 'a job that somebody runs is run again',
    file: `${hub}/finite-topics.ts`,
    find: "if (state !== 'open') return { started: false, state }",
    replace: "if (state === 'expired') return { started: false, state }",
  },
  {
    name: 'first-end-ends-all',
    breaks: 'a reader of several finite topics is told of the end when the first of them ends',
    file: `${hub}/unended-topics.ts`,
    find: 'this.#topics.delete(topic)\n    return this.areOver',
    replace: 'return this.#topics.delete(topic)',
    shownBy: 25,
  },
  {
    name: 'run-outlives-hub',
    breaks: 'a job that is claimed while the hub closes runs on in a hub that is closed',
    file: `${hub}/finite-topics.ts`,
    find: 'while (this.#pending.size > 0) await Promise.all(this.#pending)',
    replace: '',
    shownBy: 30,
  },
  {
    name: 'drain-without-deadline',
    breaks: 'a reader that does not read holds the process for ever',
    file: `${hub}/event-hub.ts`,
    find: "({ queue }) => queue.abort('drain')",
    replace: '() => {}',
    shownBy: 224,
  },
  {
    name: 'long-retry-throws',
    breaks: 'a hub that asks its clients for a very long reconnection time cannot be closed',
    file: `${hub}/dismissal.ts`,
    find: 'Math.min(jitteredMs, Number.MAX_SAFE_INTEGER)',
    replace: 'jitteredMs',
    shownBy: 39,
  },
  {
    name: 'partial-event-id-kept',
    breaks: 'the id of an event that was cut off counts as had',
    file: `${client}/connection/event-decoder.ts`,
    find: 'hold(text.slice(start))',
    replace: `hold(text.slice(start))
      const early = /(?:^|\\n)id: ([^\\n]+)\\n/.exec(text.slice(text.lastIndexOf('\\n\\n') + 1))?.[1]
      if (early !== undefined) onIdOnly(early)`,
  },
  {
    name: 'contract-from-form',
    breaks:
      'the form of ids is taken for the wire contract, which the server has not shown or the client ignores',
    file: `${client}/wire-contract/standing.ts`,
    find: "mode === 'auto' ? standing : mode === 'follow' ? 'positions' : 'stranger'",
    replace: "mode === 'auto' && standing === 'opaque-ids' ? standing : 'positions'",
  },
  {
    name: 'backoff-reset-on-open',
    breaks: 'a server that accepts and dies at once is asked again at full speed',
    file: `${client}/reconnection/reconnection.ts`,
    find: "phase === 'open' && (input.isStable || nowMs - openedAtMs >= policy.resetAfterMs)",
    replace: "phase === 'open' && input.isStable !== false",
  },
  {
    name: 'retry-without-floor',
    breaks: 'a hostile `retry: 0` makes the client ask at full speed',
    file: `${client}/reconnection/backoff.ts`,
    find: 'const raisedMs = delayMs < minDelayMs ? minDelayMs : delayMs',
    replace: 'const raisedMs = delayMs',
  },
  {
    name: 'silence-not-noticed',
    breaks: 'a connection that is dead and does not say so is kept for ever',
    file: `${client}/connection/connection.ts`,
    find: 'idleLimitMs = announcedMs || Infinity',
    replace: 'idleLimitMs = Infinity',
  },
  {
    name: 'clock-set-back',
    breaks: 'a clock that is set back by an hour makes the client deaf to silence for an hour',
    file: `${client}/connection/stopwatch.ts`,
    find: 'Math.max(runtime.now() - startMs, runtime.wallClock() - wallStartMs)',
    replace: 'runtime.wallClock() - wallStartMs',
    shownBy: 659,
  },
  {
    name: 'saved-before-handed-over',
    breaks: 'a position is saved before its event has reached the reader',
    file: `${client}/delivery/event-delivery.ts`,
    find: 'if (!queue.push(event, dataLength * 2 + eventOverheadBytes))',
    replace: 'save(event.lastEventId)\n    if (!queue.push(event, dataLength * 2 + eventOverheadBytes))',
    shownBy: 628,
  },
  {
    name: 'finite-topic-not-held',
    breaks: 'the beginning of a job is evicted while others are told of it',
    file: `${log}/memory-log.ts`,
    find: 'this.#events.begin(topic)\n    this.#events.hold(topic)',
    replace: 'this.#events.begin(topic)',
    shownBy: 74,
  },
  {
    name: 'held-beside-pattern-lost',
    breaks: 'a reader of a job and of a pattern does not get what of the job is only held',
    file: `${log}/event-store.ts`,
    find: 'const held = heldUpTo > after ? this.#merge(patterns, after, limit + 1, heldUpTo) : []',
    replace: 'const held: LogEntry[] = []',
    shownBy: 629,
  },
  {
    name: 'hidden-from-patterns-unsaid',
    breaks: 'a reader by pattern is not told of what only a name reaches',
    file: `${log}/event-store.ts`,
    find: 'const mark = Math.max(record.evictedUpTo, record.heldUpTo)',
    replace: 'const mark = record.evictedUpTo',
    shownBy: 894,
  },
  {
    name: 'repeat-stored-again',
    breaks: 'what is published again under its key is stored again',
    file: `${log}/memory-log.ts`,
    find: 'if (producer !== undefined) this.#producers.store(topic, producer, position.seq)',
    replace: '',
  },
  {
    name: 'repeat-by-topic-only',
    breaks: 'what is published under a new key counts as a repeat of another',
    file: `${log}/producer-states.ts`,
    find: 'return `${topic} ${id}`',
    replace: 'return `${topic} ${id.length}`',
  },
  {
    name: 'repeat-gets-other-id',
    breaks: 'a repeat is answered with the id of another event',
    file: `${log}/memory-log.ts`,
    find: 'return { position: { epoch: this.#epoch, seq: first }, stored: false }',
    replace: 'return { position: { epoch: this.#epoch, seq: this.#seq }, stored: false }',
  },
  {
    name: 'batch-torn-apart',
    breaks: 'what a listener publishes comes between the events of a batch',
    file: `${log}/memory-log.ts`,
    find: 'const entries = events.map((event) => this.#store(event))',
    replace: `const entries = events.map((event, index) => {
      const entry = this.#store(event)
      if (index < events.length - 1) this.#tails.notify((listener) => listener.appended(entry))
      return entry
    })`,
  },
  {
    name: 'forbidden-here-only',
    breaks: 'an identity that is forbidden in one process keeps its connections in the others',
    file: `${hub}/control.ts`,
    find: 'if (remainingMs > 0) this.#heed(identity, remainingMs)',
    replace: 'if (remainingMs > 0) this.#host.forbidden.forbid(identity, 0)',
  },
  {
    name: 'taken-back-for-good',
    breaks: 'late news of an epoch that is over makes a reader lose its place in the newest one',
    file: `${hub}/replay.ts`,
    find: 'if (left?.epoch === head.epoch && left.seq <= head.seq)',
    replace: "if (left?.epoch === '')",
    shownBy: 40_760_671,
  },
  {
    name: 'run-goes-on-unclaimed',
    breaks: 'a job goes on in a log that has lost its beginning',
    file: `${hub}/publisher.ts`,
    find: '{ onlyIfClaimed: true }',
    replace: '{}',
    shownBy: 31,
  },
  {
    name: 'shorter-ban-holds',
    breaks: 'of two bans that two processes write at once, the shorter one holds',
    file: `${hub}/control.ts`,
    find: 'if (knownMs > remainingMs + sameBanMs)',
    replace: 'if (knownMs < 0)',
    shownBy: 40_411_693,
  },
  {
    name: 'dispute-not-settled',
    breaks: 'a ban is not heeded by a process whose own order has been written and has not come back',
    file: `${hub}/own-orders.ts`,
    find: 'if (order.isStored) void this.#settle(name, order)',
    replace: '',
    shownBy: 40_508_574,
  },
  {
    name: 'end-of-another-epoch',
    breaks: 'the end of a topic in a new epoch is taken for one that the reader had in the old one',
    file: `${hub}/start.ts`,
    find: ' || (statuses !== undefined && (await log.head()).epoch !== head.epoch)',
    replace: '',
    shownBy: 40_654_552,
  },
  {
    name: 'control-lost-with-notification',
    breaks: 'a process that misses the notice of a ban never learns of it',
    file: 'test/simulation/model-log.ts',
    find: 'if (version !== commandedVersion) {',
    replace: 'if (commandedVersion < 0) {',
    shownBy: 739,
  },
  {
    name: 'clean-end-when-cut-short',
    breaks: 'half an answer that is cut short by the server passes for a whole one',
    file: `${hub}/subscription.ts`,
    find: "end(unendedTopics.areFinite ? 'cut' : 'close')",
    replace: "end('close')",
    shownBy: 60,
  },
  {
    name: 'clean-end-on-failure',
    breaks: 'a job that failed ends as one that came to its end',
    file: `${hub}/finite-topics.ts`,
    find: 'await this.#end(topic, outcome, options, before)',
    replace: "await this.#end(topic, outcome === 'failed' ? 'completed' : outcome, options, before)",
    shownBy: 23,
  },
  {
    name: 'interrupted-told-as-cancelled',
    breaks: 'a job whose process stops ends as one that somebody stopped',
    file: `${hub}/finite-topics.ts`,
    find: "if (outcome === 'cancelled') outcome = stoppedAs",
    replace: '',
  },
]

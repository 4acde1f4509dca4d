import { describe, expect, it } from 'vitest'
import type { LogEntry, LogPage, Position } from '@sse-toolkit/sse-server'
import { beginReplay, opening, pageSize, stepReplay } from '../src/hub/replay.ts'
import type { ReplayEffect, ReplayInput, ReplayState } from '../src/hub/replay.ts'

const at = (seq: number, epoch = 'one'): Position => ({ epoch, seq })
const entryAt = (seq: number): LogEntry => ({
  topic: 'a',
  event: undefined,
  data: String(seq),
  key: undefined,
  position: at(seq),
})
const pageOf = (seqs: readonly number[], more = false, evictedUpTo = 0): LogPage => ({
  entries: seqs.map(entryAt),
  more,
  evictedUpTo,
})

// The reader has had 5, and the log's head is 9, unless a case says otherwise.
const position = at(5)
const head = at(9)
const memory = { gap: undefined, fromEarliest: false, announcedUpTo: 0 }
const live: ReplayState = { ...memory, phase: 'live' }
const reading: ReplayState = { ...memory, phase: 'reading', epoch: 'one', held: 2 }
const sending: ReplayState = { ...memory, phase: 'sending', isLastPage: true, hasLosses: false, held: 2 }
const releasing: ReplayState = { ...memory, phase: 'releasing', hasLosses: false, held: 2 }
const readsAgain: ReplayState = { ...memory, phase: 'reading', epoch: 'one', held: 0 }

const appended: ReplayInput = { type: 'appended', entry: entryAt(10) }
const skipped: ReplayInput = { type: 'skipped', position }
const page: ReplayInput = { type: 'page', page: pageOf([6, 7]), position, head }
const blocked: ReplayInput = { type: 'blocked' }
const pageSent: ReplayInput = { type: 'page-sent', position }
const heldSent: ReplayInput = { type: 'held-sent', position }
const restarted: ReplayInput = { type: 'restarted', position, head: at(3, 'two') }
const restartedEmpty: ReplayInput = { type: 'restarted', position, head: at(0, 'two') }
const restartedBefore: ReplayInput = { type: 'restarted', position, head: at(5) }
const restartedAhead: ReplayInput = { type: 'restarted', position, head: at(6) }

const read: ReplayEffect = { type: 'read' }
const dropHeld: ReplayEffect = { type: 'drop-held' }
const hold: ReplayEffect = { type: 'hold', entry: entryAt(10) }
const sendPage: ReplayEffect = { type: 'send-page', entries: [entryAt(6), entryAt(7)] }
const moveToTwo: ReplayEffect = { type: 'move', position: at(0, 'two') }
const epochGap = { reason: 'epoch', requested: 'one-5' } as const
const announceEpoch = (earliest: string | null, latest: string, after: Position): ReplayEffect => ({
  type: 'announce',
  gap: { ...epochGap, earliest, latest },
  position: after,
})
const announceEvicted = (earliest: string | null, latest: string, after: Position): ReplayEffect => ({
  type: 'announce',
  gap: { reason: 'evicted', requested: 'one-5', earliest, latest },
  position: after,
})
const evicted = (seqs: readonly number[], evictedUpTo: number): ReplayInput => ({
  type: 'page',
  page: pageOf(seqs, false, evictedUpTo),
  position,
  head,
})
const sendsAfterLoss: ReplayState = { ...sending, hasLosses: true, announcedUpTo: 7 }

const inputs = [
  appended,
  skipped,
  page,
  blocked,
  pageSent,
  heldSent,
  restarted,
  restartedEmpty,
  restartedBefore,
  restartedAhead,
]

type Row = [name: string, from: ReplayState, input: ReplayInput, to: ReplayState, effects: ReplayEffect[]]

const transitions: Row[] = [
  ...inputs.map((input, n): Row => [`ignores ${input.type} (${n})`, opening, input, opening, []]),

  ['has no use for an event that was sent', live, appended, live, []],
  ['reads what it was not notified of', live, skipped, readsAgain, [read]],
  ['did not ask for a page', live, page, live, []],
  ['waits for no room', live, blocked, live, []],
  ['sends no page', live, pageSent, live, []],
  ['holds nothing', live, heldSent, live, []],
  [
    'reads the new epoch from its beginning',
    live,
    restarted,
    { ...readsAgain, epoch: 'two', gap: epochGap },
    [moveToTwo, read],
  ],
  [
    'reads the new epoch even if it is empty: it may not be the newest',
    live,
    restartedEmpty,
    { ...readsAgain, epoch: 'two', gap: epochGap },
    [moveToTwo, read],
  ],
  ['knows of this restart already', live, restartedBefore, live, []],
  ['reads what was stored before the hub knew of the restart', live, restartedAhead, readsAgain, [read]],

  ['holds what arrives', reading, appended, { ...reading, held: 3 }, [hold]],
  [
    'holds no more than a page',
    { ...reading, held: pageSize },
    appended,
    { ...reading, held: null },
    [dropHeld],
  ],
  ['holds nothing after a loss', { ...reading, held: null }, appended, { ...reading, held: null }, []],
  ['will read once more', reading, skipped, { ...reading, held: null }, [dropHeld]],
  ['waits for no room yet', reading, blocked, reading, []],
  ['has sent no page yet', reading, pageSent, reading, []],
  ['has released nothing yet', reading, heldSent, reading, []],
  ['sends the last page', reading, page, sending, [sendPage]],
  [
    'sends a page that others follow',
    reading,
    { ...page, page: pageOf([6, 7], true) },
    { ...sending, isLastPage: false },
    [sendPage],
  ],
  [
    'is of an epoch that has ended: its page is stale',
    reading,
    { ...page, position: at(0, 'two') },
    { ...readsAgain, epoch: 'two' },
    [read],
  ],
  [
    'goes on in the new epoch, with a gap',
    reading,
    restarted,
    { ...reading, gap: epochGap, held: null },
    [dropHeld, moveToTwo],
  ],
  [
    'keeps the first reason for a gap',
    { ...reading, gap: { reason: 'future', requested: 'one-99' } },
    restarted,
    { ...reading, gap: { reason: 'future', requested: 'one-99' }, held: null },
    [dropHeld, moveToTwo],
  ],
  [
    'is back in its epoch after news of the one before, and has missed nothing',
    { ...reading, epoch: 'zero', gap: { reason: 'epoch', requested: 'one-5' }, held: null },
    { type: 'restarted', position: at(0, 'zero'), head: at(5) },
    { ...reading, epoch: 'zero', held: null },
    [dropHeld, { type: 'move', position: at(5) }],
  ],
  [
    'keeps its gap if the epoch that it left does not hold as much any more',
    { ...reading, epoch: 'zero', gap: { reason: 'epoch', requested: 'one-5' }, held: null },
    { type: 'restarted', position: at(0, 'zero'), head: at(4) },
    { ...reading, epoch: 'zero', gap: { reason: 'epoch', requested: 'one-5' }, held: null },
    [dropHeld, { type: 'move', position: at(0) }],
  ],
  ['has nothing to read for a restart it knows', reading, restartedBefore, reading, []],
  ['reads once more after old news', reading, restartedAhead, { ...reading, held: null }, [dropHeld]],

  [
    'announces with the page why it could not go on',
    { ...reading, gap: epochGap },
    page,
    sending,
    [announceEpoch('one-6', 'one-9', position), sendPage],
  ],
  [
    'announces that with an empty page as well',
    { ...reading, gap: epochGap },
    { ...page, page: pageOf([]) },
    sending,
    [announceEpoch(null, 'one-9', position), { type: 'send-page', entries: [] }],
  ],
  [
    'announces what was evicted, up to before what is left',
    reading,
    evicted([7, 8], 7),
    sendsAfterLoss,
    [announceEvicted('one-7', 'one-9', at(6)), { type: 'send-page', entries: [entryAt(7), entryAt(8)] }],
  ],
  [
    'announces that all was evicted',
    reading,
    evicted([], 7),
    sendsAfterLoss,
    [announceEvicted(null, 'one-9', at(7)), { type: 'send-page', entries: [] }],
  ],
  [
    'announces no eviction of what the reader has had',
    reading,
    evicted([6, 7], 5),
    { ...sending, hasLosses: true },
    [sendPage],
  ],
  [
    'announces no eviction twice',
    { ...reading, announcedUpTo: 7 },
    evicted([6, 7], 7),
    sendsAfterLoss,
    [sendPage],
  ],
  [
    'announces no eviction to a reader that asked for what is held',
    { ...reading, fromEarliest: true },
    evicted([6, 7], 7),
    sendsAfterLoss,
    [sendPage],
  ],

  ['holds what arrives meanwhile', sending, appended, { ...sending, held: 3 }, [hold]],
  ['drops what it holds while it waits for room', sending, blocked, { ...sending, held: null }, [dropHeld]],
  ['reads once more', sending, skipped, { ...sending, held: null }, [dropHeld]],
  ['did not ask for another page', sending, page, sending, []],
  ['has nothing released', sending, heldSent, sending, []],
  ['releases what it holds after the last page', sending, pageSent, releasing, [{ type: 'release' }]],
  ['reads on after another page', { ...sending, isLastPage: false }, pageSent, readsAgain, [read]],
  ['reads what was not held', { ...sending, held: null }, pageSent, readsAgain, [read]],
  [
    'sends no more of the old epoch',
    sending,
    restarted,
    { ...sending, gap: epochGap, held: null },
    [dropHeld, moveToTwo],
  ],
  ['knows that restart while it sends', sending, restartedBefore, sending, []],
  ['reads once more after it', sending, restartedAhead, { ...sending, held: null }, [dropHeld]],

  ['holds what a filter publishes', releasing, appended, { ...releasing, held: 3 }, [hold]],
  ['reads what is skipped', releasing, skipped, { ...releasing, held: null }, [dropHeld]],
  ['takes no page', releasing, page, releasing, []],
  ['does not wait for room', releasing, blocked, releasing, []],
  ['has sent its pages', releasing, pageSent, releasing, []],
  ['is live', releasing, heldSent, live, []],
  [
    'is live, and looks for topics that have expired',
    { ...releasing, hasLosses: true },
    heldSent,
    live,
    [{ type: 'check-ends' }],
  ],
  ['reads what could not be held', { ...releasing, held: null }, heldSent, readsAgain, [read]],
  [
    'leaves the epoch that has ended',
    releasing,
    restarted,
    { ...releasing, gap: epochGap, held: null },
    [dropHeld, moveToTwo],
  ],
  ['knows that restart while it releases', releasing, restartedBefore, releasing, []],
  ['reads again after old news', releasing, restartedAhead, { ...releasing, held: null }, [dropHeld]],
]

describe('a replay', () => {
  it.each([
    ['at the head is live', { position, head: position }, position, live, []],
    ['behind the head reads', { position, head }, head, readsAgain, [read]],
    [
      'of a position of another epoch announces the gap with its first page',
      { position: at(0), head, gap: epochGap },
      head,
      { ...readsAgain, gap: epochGap },
      [read],
    ],
    [
      'of a position of the future announces the gap at once',
      { position: head, head, gap: { reason: 'future', requested: 'one-99' } as const },
      head,
      live,
      [
        {
          type: 'announce',
          gap: { reason: 'future', requested: 'one-99', earliest: null, latest: 'one-9' },
          position: head,
        },
      ],
    ],
    [
      'of all that is held reads',
      { position: at(0), head, fromEarliest: true },
      head,
      { ...readsAgain, fromEarliest: true },
      [read],
    ],
    [
      'of all that is held is live where nothing is',
      { position: at(0), head: at(0), fromEarliest: true },
      at(0),
      live,
      [],
    ],
  ] as const)('%s', (_name, start, knownHead, state, effects) => {
    expect(beginReplay(start, knownHead)).toEqual({ state, effects })
  })

  it.each(transitions.map((row) => [row[1].phase, row[0], row[2].type, row] as const))(
    'that is %s %s (%s)',
    (_phase, _name, _type, [, from, input, state, effects]) => {
      expect(stepReplay(from, input)).toEqual({ state, effects })
    },
  )

  it('has a transition in the table for each phase and each input', () => {
    const phases = ['opening', 'live', 'reading', 'sending', 'releasing']
    const types = [...new Set(inputs.map(({ type }) => type))]
    const missing = phases.flatMap((phase) =>
      types
        .filter((type) => !transitions.some(([, from, input]) => from.phase === phase && input.type === type))
        .map((type) => `${phase}: ${type}`),
    )
    expect(missing).toEqual([])
  })
})

import { finding, ofStream, seconds } from './finding.ts'
import type { ObservedStream, Rule } from './finding.ts'
import type { Block, StreamReading } from './stream-reader.ts'

/** What a heartbeat should not be rarer than: many intermediaries cut at 30 or 60 seconds. */
const usualHeartbeatMs = 20_000
/** An announced heartbeat may be late by half. */
const lateFactor = 1.5
const slowHeadMs = 3_000
/** A server writes an event as one: its halves do not come so far apart by chance. */
const tornMs = 250
/** Reads closer to each other than this are one burst. */
const burstGapMs = 100
const minBurstEvents = 8
const minBurstPauseMs = 1_000
const minBursts = 2
const bufferingHint =
  'Switch buffering off for this path (nginx: proxy_buffering off, or the response field X-Accel-Buffering: no), ' +
  'and flush after each event.'

export const slowHead: Rule = ({ head }) =>
  head === undefined || head.atMs < slowHeadMs
    ? undefined
    : finding(
        'warning',
        'slow-head',
        `The head of the response came after ${seconds(head.atMs)}.`,
        `Send it at once, before the first event (Node: flushHeaders). If the server does, an intermediary holds it. ${bufferingHint}`,
      )

/** How long the stream has been silent since its head; undefined if content came, or if it is too early to tell. */
export function silenceAfterHead({ head, reading, watchedMs }: ObservedStream): number | undefined {
  const silenceMs = watchedMs - head.atMs
  return reading.byteCount > 0 || silenceMs < slowHeadMs ? undefined : silenceMs
}

export const silentStart: Rule = ofStream((observation) => {
  const silenceMs = silenceAfterHead(observation)
  return silenceMs === undefined
    ? undefined
    : finding(
        'note',
        'silent-start',
        `Nothing came in ${seconds(silenceMs)} after the head.`,
        'Write a comment first: it shows that bytes get through.',
      )
})

export const torn: Rule = ofStream(({ reading }) => {
  const halves = reading.blocks.filter((block) => block.atMs - block.beganAtMs >= tornMs)
  const worst = Math.max(0, ...halves.map((block) => block.atMs - block.beganAtMs))
  return halves.length === 0
    ? undefined
    : finding(
        'error',
        'torn-events',
        `${halves.length} of ${reading.blocks.length} blocks came in pieces, the last one up to ${seconds(worst)} after the first: somebody on the way collects bytes, not events.`,
        bufferingHint,
      )
})

export const bursts: Rule = ofStream(({ reading }) => {
  const found = burstsOf(reading)
  if (found.length < minBursts) return undefined
  const events = found.reduce((sum, burst) => sum + burst.events, 0)
  return finding(
    'warning',
    'bursts',
    `${events} events came in ${found.length} bursts with pauses of a second and more between them.`,
    `If they did not happen together, they were held back. ${bufferingHint}`,
  )
})

/** Bursts after a pause. The first is not among them: a replay comes so. */
function burstsOf({ arrivals }: StreamReading): { events: number }[] {
  const groups: { fromMs: number; toMs: number; events: number }[] = []
  for (const { atMs, events } of arrivals) {
    const last = groups.at(-1)
    if (last !== undefined && atMs - last.toMs <= burstGapMs) {
      last.toMs = atMs
      last.events += events
    } else groups.push({ fromMs: atMs, toMs: atMs, events })
  }
  return groups.filter((group, index) => {
    const before = groups[index - 1]
    return (
      before !== undefined && group.fromMs - before.toMs >= minBurstPauseMs && group.events >= minBurstEvents
    )
  })
}

export const staleEvents: Rule = ofStream(({ head, reading }) => {
  const delays = liveDelays(reading, head.atMs)
  if (delays.length < minBurstEvents) return undefined
  // Clocks differ, so only how much longer one event was on its way than another tells.
  const spread = Math.max(...delays) - Math.min(...delays)
  return spread < minBurstPauseMs
    ? undefined
    : finding(
        'warning',
        'late-events',
        `By the times in their data, some events were ${seconds(spread)} longer on their way than others.`,
        `They were held back, here or before. ${bufferingHint}`,
      )
})

/**
 * How long the events were on their way that say when they were made. Without those that a log still held: they come first, in one
 * go, and are old by right. They end where events are as fresh as they get, or at the first pause.
 */
function liveDelays({ blocks }: StreamReading, beganAtMs: number): readonly number[] {
  const timed = blocks.map((block, index) => {
    const madeAtMs = timeIn(block)
    const pauseMs = block.atMs - (blocks[index - 1]?.atMs ?? beganAtMs)
    return { pauseMs, delayMs: madeAtMs === undefined ? undefined : block.atMs - madeAtMs }
  })
  const shortestMs = Math.min(...timed.map(({ delayMs = Infinity }) => delayMs))
  const first = timed.findIndex(
    ({ pauseMs, delayMs = Infinity }) => pauseMs >= minBurstPauseMs || delayMs < shortestMs + minBurstPauseMs,
  )
  if (first === -1) return []
  return timed.slice(first).flatMap(({ delayMs }) => (delayMs === undefined ? [] : [delayMs]))
}

/** When an event was made, if its data says so: milliseconds since 1970, under a name that is usual for it. */
function timeIn({ data }: Block): number | undefined {
  const [, digits] = /"(?:at|time|ts|timestamp)":\s?(1\d{12})\b/.exec(data ?? '') ?? []
  return digits === undefined ? undefined : Number(digits)
}

export const heartbeat: Rule = ofStream(({ reading, watchedMs, head, end }) => {
  const announced = reading.announcedHeartbeatMs
  const untilMs = end?.reason === 'ended' || end?.reason === 'cut' ? end.atMs : watchedMs
  const silence = Math.max(reading.longestSilenceMs, untilMs - (reading.lastByteAtMs ?? head.atMs))
  if (announced !== undefined)
    return announced === 0 || silence <= announced * lateFactor
      ? undefined
      : finding(
          'error',
          'late-heartbeat',
          `A heartbeat was announced for each ${seconds(announced)}, but nothing came for ${seconds(silence)}.`,
          'Clients that count on it take the connection for dead. The server, or somebody on the way, holds bytes back.',
        )
  if (silence >= usualHeartbeatMs)
    return finding(
      'error',
      'no-heartbeat',
      `Nothing came for ${seconds(silence)}, not even a comment.`,
      'Send a comment (":" and an empty line) each 15 s: proxies cut silent connections, and a client cannot tell silence from death.',
    )
  return reading.counts.comments === 0 && watchedMs >= usualHeartbeatMs
    ? finding(
        'note',
        'no-comments',
        'There were events often enough, but no comment: perhaps there is no heartbeat.',
        'Look again while the stream is quiet.',
      )
    : undefined
})

export const ending: Rule = ofStream(({ reading, end }) => {
  if (end?.reason === 'cut')
    return finding(
      'warning',
      'cut',
      `The connection broke after ${seconds(end.atMs)}${end.message === undefined ? '' : `: ${end.message}`}.`,
      'A process that ended, or an intermediary with a time limit. Clients come back, and need ids to go on.',
    )
  if (end?.reason !== 'ended') return undefined
  if (reading.unfinishedBytes > 0)
    return finding(
      'error',
      'unfinished-event',
      `The stream ended inside of an event: its ${reading.unfinishedBytes} bytes are thrown away.`,
      'The last event needs its empty line, too.',
    )
  return finding(
    'note',
    'ended',
    `The server ended the stream after ${seconds(end.atMs)}.`,
    'Clients come back after the reconnection time, again and again. If there is no more, answer their return with 204.',
  )
})

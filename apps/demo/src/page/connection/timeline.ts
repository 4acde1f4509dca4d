import type { StreamStatus } from '@sse-toolkit/event-source-client'
import { create } from '../element.ts'
import { formatClock } from '../format.ts'
import type { Theme } from '../theme.ts'
import { BUCKET_MS, RECORD_MS } from './connection-record.ts'
import type { Bucket, ConnectionRecord } from './connection-record.ts'

const HEIGHT = 150
const STATUS_TOP = 4
const STATUS_HEIGHT = 16
const ARRIVALS_TOP = 30
const ARRIVALS_BOTTOM = 112
const HEARTBEATS_TOP = 116
const LABELS_TOP = 144
const LABEL_EVERY_MS = 30_000
/** A lane of few arrivals is not blown up to look like many. */
const LEAST_FULL_LANE = 20

const STATE_COLORS: Readonly<Record<StreamStatus['state'], string>> = {
  connecting: '--series-1',
  open: '--good',
  reconnecting: '--series-4',
  paused: '--line',
  closed: '--bad',
}

export interface Timeline {
  readonly element: HTMLElement
  draw(nowMs: number): void
}

/**
 * Draws the last two minutes, now at the right edge:
 *
 *     ======open======|-waits-|attempt|=====open=====    the status
 *     .:.::.:..::.::.:                 #.:.::.:..:..:    what arrived, by half seconds; caught up in another colour
 *        |      |                           |            heartbeats
 */
export function createTimeline(record: ConnectionRecord, theme: Theme): Timeline {
  const figure = create('figure', 'timeline')
  const canvas = create('canvas')
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', 'The connection in the last two minutes')
  const caption = create('figcaption', 'timeline-keys')
  for (const [kind, label] of [
    ['open', 'open'],
    ['waiting', 'waits'],
    ['attempt', 'attempt'],
    ['closed', 'closed'],
    ['live', 'events, live'],
    ['caught-up', 'events from the log'],
    ['heartbeat', 'heartbeat (only in silence)'],
  ] as const)
    caption.append(create('span', `key key-${kind}`, label))
  figure.append(canvas, caption)
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('this browser draws on no canvas')
  const drawing = context
  let width = 0
  new ResizeObserver(([entry]) => {
    width = Math.floor(entry?.contentRect.width ?? 0)
  }).observe(canvas)

  function drawSpans(toX: (atMs: number) => number): void {
    for (const [index, { state, fromMs }] of record.spans.entries()) {
      const from = Math.max(0, toX(fromMs))
      const to = Math.min(width, toX(record.spans[index + 1]?.fromMs ?? Infinity))
      if (to <= 0) continue
      drawing.fillStyle = theme.color(STATE_COLORS[state])
      // Even a very short state stays visible.
      drawing.fillRect(from, STATUS_TOP, Math.max(2, to - from), STATUS_HEIGHT)
    }
  }

  function drawArrivals(toX: (atMs: number) => number): void {
    const sizes = record.buckets.map(({ live, replayed }) => live + replayed)
    const scale = (ARRIVALS_BOTTOM - ARRIVALS_TOP) / Math.sqrt(Math.max(LEAST_FULL_LANE, ...sizes))
    for (const bucket of record.buckets) drawBucket(bucket, toX, scale)
  }

  /** Heights grow with the square root: a replay of thousands must not flatten the live events next to it. */
  function drawBucket(
    { fromMs, live, replayed }: Bucket,
    toX: (atMs: number) => number,
    scale: number,
  ): void {
    const x = toX(fromMs)
    const barWidth = Math.max(1, toX(fromMs + BUCKET_MS) - x - 1)
    const height = Math.sqrt(live + replayed) * scale
    const replayedHeight = (height * replayed) / (live + replayed)
    drawing.fillStyle = theme.color('--caught-up')
    drawing.fillRect(x, ARRIVALS_BOTTOM - replayedHeight, barWidth, replayedHeight)
    drawing.fillStyle = theme.color('--live')
    drawing.fillRect(x, ARRIVALS_BOTTOM - height, barWidth, height - replayedHeight)
  }

  function drawLabels(nowMs: number, toX: (atMs: number) => number): void {
    drawing.fillStyle = theme.color('--ink-3')
    drawing.font = theme.font
    drawing.textAlign = 'center'
    const first = Math.ceil((nowMs - RECORD_MS) / LABEL_EVERY_MS) * LABEL_EVERY_MS
    for (let atMs = first; atMs < nowMs; atMs += LABEL_EVERY_MS) {
      const x = toX(atMs)
      if (x > 32 && x < width - 32) drawing.fillText(formatClock(atMs), x, LABELS_TOP)
    }
  }

  return {
    element: figure,
    draw(nowMs) {
      if (width === 0) return
      const ratio = devicePixelRatio
      if (canvas.width !== width * ratio || canvas.height !== HEIGHT * ratio) {
        canvas.width = width * ratio
        canvas.height = HEIGHT * ratio
      }
      const toX = (atMs: number): number => width * (1 - (nowMs - atMs) / RECORD_MS)
      drawing.setTransform(ratio, 0, 0, ratio, 0, 0)
      drawing.clearRect(0, 0, width, HEIGHT)
      drawing.fillStyle = theme.color('--grid')
      drawing.fillRect(0, ARRIVALS_BOTTOM, width, 1)
      drawSpans(toX)
      drawArrivals(toX)
      drawing.fillStyle = theme.color('--series-2')
      for (const atMs of record.heartbeats) drawing.fillRect(toX(atMs), HEARTBEATS_TOP, 2, 12)
      drawLabels(nowMs, toX)
      canvas.setAttribute(
        'aria-label',
        `The connection in the last two minutes. Now: ${record.spans.at(-1)?.label ?? 'unknown'}`,
      )
    },
  }
}

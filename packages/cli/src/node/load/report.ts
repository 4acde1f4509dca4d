/** What a load has come to. */
export interface LoadFigures {
  readonly url: string
  readonly connections: number
  readonly open: number
  /** Never opened. */
  readonly failed: number
  /** Were open, and broke off before their streams were over. */
  readonly ended: number
  /** Came to the end of their streams. */
  readonly completed: number
  /** Why, and how often. */
  readonly failures: Readonly<Record<string, number>>
  /** From when all were open, or had failed. */
  readonly durationMs: number
  readonly events: number
  readonly eventsPerSecond: number
  readonly lost: number
  readonly repeated: number
  /** Null if no event says when it was sent. */
  readonly latencyMs: {
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly max: number
  } | null
}

export function report(figures: LoadFigures): string {
  const {
    connections,
    open,
    failed,
    ended,
    completed,
    durationMs,
    events,
    eventsPerSecond,
    lost,
    repeated,
    latencyMs,
  } = figures
  const failures = Object.entries(figures.failures).map(([why, count]) => `              ${count} x ${why}`)
  const lines = [
    `connections   ${number(open)} of ${number(connections)} open, ${number(failed)} failed, ${number(ended)} broke off, ${number(completed)} complete`,
    ...failures,
    `events        ${number(events)} in ${(durationMs / 1000).toFixed(1)} s: ${number(eventsPerSecond)} a second`,
    `lost          ${number(lost)}`,
    `repeated      ${number(repeated)}`,
    latencyMs === null
      ? 'latency       unknown: no event says when it was sent (--time-path)'
      : `latency       p50 ${latencyMs.p50} ms, p90 ${latencyMs.p90} ms, p99 ${latencyMs.p99} ms, max ${latencyMs.max} ms`,
  ]
  return `${lines.join('\n')}\n`
}

/** @param done - the share of the time that is over. */
export function progressLine(figures: LoadFigures, done: number, columns: number): string {
  const width = 20
  const filled = Math.round(done * width)
  const bar = `[${'='.repeat(filled)}${' '.repeat(width - filled)}]`
  const { open, connections, failed, eventsPerSecond, lost, latencyMs } = figures
  const late = latencyMs === null ? '' : `, p99 ${latencyMs.p99} ms`
  const text = `${bar} ${number(open)} of ${number(connections)} open, ${number(failed)} failed, ${number(eventsPerSecond)} events/s, ${number(lost)} lost${late}`
  return text.slice(0, Math.max(0, columns - 1))
}

function number(value: number): string {
  return value.toLocaleString('en')
}

import type { StreamStatus } from '@sse-toolkit/event-source-client'
import type { Resumption } from './resumption.ts'
import type { ConnectionRecord } from './connection-record.ts'
import { createFaultAccount } from './fault-account.ts'
import type { FaultAccount, FaultKind } from './fault-account.ts'

const TICK_MS = 100
/** Missed heartbeats after which the client takes a connection for dead. */
export const MISSED_HEARTBEATS = 3

/** The element that shows the report. */
export interface ReportPlace {
  readonly element: HTMLElement
  /** Where it lies over something else: for how long, once there is nothing more to tell. Default: until the next one. */
  readonly staysMs?: number
}

/** Says next to each button what becomes of what one did. */
export interface FaultReports {
  /** Shows the report there from now on, and stops any other report, since two faults at once cannot be told apart. */
  begin(kind: FaultKind, place: ReportPlace): void
  /** It did not happen, and why. */
  refuse(place: ReportPlace, why: string): void
  onStatus(status: StreamStatus): void
  onResumed(resumption: Resumption): void
}

export function createFaultReports(options: {
  record: Pick<ConnectionRecord, 'soundAtMs' | 'heartbeatIntervalMs'>
  now: () => number
}): FaultReports {
  const { record, now } = options
  let current: { readonly account: FaultAccount; readonly place: ReportPlace } | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  // Those that lie over something else, and when they go.
  const leaving = new Map<HTMLElement, ReturnType<typeof setTimeout>>()

  function draw(): void {
    if (current === undefined) return
    const { account, place } = current
    const { element } = place
    if (element.textContent !== account.text) element.textContent = account.text
    element.dataset.kind = account.isOver ? 'over' : 'running'
    if (!account.isOver) return
    end()
    leaveLater(place)
  }

  function end(): void {
    clearInterval(timer)
    timer = undefined
    current = undefined
  }

  function leaveLater({ element, staysMs }: ReportPlace): void {
    if (staysMs === undefined) return
    clearTimeout(leaving.get(element))
    leaving.set(
      element,
      setTimeout(() => leave(element), staysMs),
    )
  }

  function leave(element: HTMLElement): void {
    clearTimeout(leaving.get(element))
    leaving.delete(element)
    element.replaceChildren()
  }

  return {
    begin(kind, place) {
      current?.place.element.replaceChildren()
      for (const element of leaving.keys()) leave(element)
      end()
      const account = createFaultAccount({
        kind,
        now,
        soundAtMs: () => record.soundAtMs,
        deadAfterMs: () =>
          record.heartbeatIntervalMs === undefined
            ? undefined
            : record.heartbeatIntervalMs * MISSED_HEARTBEATS,
      })
      current = { account, place }
      timer = setInterval(draw, TICK_MS)
      draw()
    },
    refuse(place, why) {
      if (current?.place === place) end()
      place.element.dataset.kind = 'refused'
      place.element.textContent = why
      leaveLater(place)
    },
    onStatus(status) {
      current?.account.onStatus(status)
      draw()
    },
    onResumed(resumption) {
      current?.account.onResumed(resumption)
      draw()
    },
  }
}

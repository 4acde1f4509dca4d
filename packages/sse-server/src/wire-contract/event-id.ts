import type { Runtime } from '../runtime.ts'

/** A place in a log, and by its id the place in every topic of it at once. */
export interface Position {
  /** Which log it is a place in: born with the log, so one that lost its memory has another. */
  readonly epoch: string
  /** 0 is the place before the first event. */
  readonly seq: number
}

/** `<epoch>-<seq>`, e.g. `k3v9x0q2-1041`. */
export function formatEventId(position: Position): string {
  return `${position.epoch}-${position.seq}`
}

const eventId = /^([A-Za-z0-9_]{1,32})-(0|[1-9]\d{0,15})$/

/** @returns undefined if it is not an id of a log. */
export function parseEventId(id: string): Position | undefined {
  const [, epoch, digits] = eventId.exec(id) ?? []
  if (epoch === undefined || digits === undefined) return undefined
  const seq = Number(digits)
  return Number.isSafeInteger(seq) ? { epoch, seq } : undefined
}

const digits = '0123456789abcdefghijklmnopqrstuvwxyz'

/** 12 digits of base 36 (62 bits): no two logs of one service ever meet. */
export function createEpoch(runtime: Pick<Runtime, 'random'>): string {
  return Array.from({ length: 12 }, () => digits[Math.floor(runtime.random() * 36)]).join('')
}

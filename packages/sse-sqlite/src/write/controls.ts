import type { ControlEntry, ControlOptions } from '@sse-toolkit/sse-server'
import type { Database, Query } from '../file/database.ts'
import type { Transaction } from './transaction.ts'

const saveControl = 'INSERT OR REPLACE INTO controls (name, value, at, due, isTold) VALUES (?, ?, ?, ?, ?)'
const deleteControl = 'DELETE FROM controls WHERE name = ?'
const selectControl = 'SELECT at FROM controls WHERE name = ?'
// Compared by bytes: LIKE would take % and _ for more than they are, and letters of either case for the same.
const selectControls =
  'SELECT name, value, at FROM controls WHERE due > ? AND substr(name, 1, length(?)) = ?' as Query<KeptControl>
const selectTold = 'SELECT name, value, at FROM controls WHERE due > ? AND isTold = 1' as Query<KeptControl>
const firstDue = 'SELECT name, due FROM controls ORDER BY due LIMIT 1' as Query<{
  readonly name: string
  readonly due: number
}>

// Beyond it, those whose time is over first go first.
const maxControls = 20_000

interface KeptControl {
  readonly name: string
  readonly value: string
  readonly at: number
}

export function writeControl(
  transaction: Transaction,
  name: string,
  value: string,
  { ttlMs, notify = true }: ControlOptions,
): void {
  const { database, now, state } = transaction
  const isKept = database.get(selectControl, name) !== undefined
  if (ttlMs > 0) {
    database.run(saveControl, name, value, now, now + Math.ceil(ttlMs), notify ? 1 : 0)
    if (!isKept) state.controls += 1
    if (state.controls > maxControls) forgetFirst(transaction, Number.POSITIVE_INFINITY)
  } else if (isKept) {
    database.run(deleteControl, name)
    state.controls -= 1
  }
  if (!notify) return
  transaction.notice('control', name, value)
  transaction.news.push((listener) => listener.controlled?.({ name, value, ageMs: 0 }))
}

/** Forgets a control entry whose time is over. @returns whether there was one. */
export function forgetControl(transaction: Transaction): boolean {
  return transaction.state.controls > 0 && forgetFirst(transaction, transaction.now)
}

function forgetFirst({ database, state }: Transaction, now: number): boolean {
  const first = database.get(firstDue)
  if (first === undefined || first.due > now) return false
  database.run(deleteControl, first.name)
  state.controls -= 1
  return true
}

export function controlsOf(database: Database, now: number, prefix: string): readonly ControlEntry[] {
  return withAges(database.all(selectControls, now, prefix, prefix), now)
}

/** The control entries that tails are notified of, for a tail that may have missed some. */
export function toldControls(database: Database, now: number): readonly ControlEntry[] {
  return withAges(database.all(selectTold, now), now)
}

function withAges(kept: readonly KeptControl[], now: number): readonly ControlEntry[] {
  return kept.map(({ name, value, at }) => ({ name, value, ageMs: Math.max(0, now - at) }))
}

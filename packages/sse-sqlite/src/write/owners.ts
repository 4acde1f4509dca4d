import type { Database, Query } from '../file/database.ts'
import type { Transaction } from './transaction.ts'

const insertOwner = 'INSERT OR IGNORE INTO owners (id, beat) VALUES (?, 0)'
const beatOwner = 'UPDATE owners SET beat = beat + 1 WHERE id = ?'
const deleteOwner = 'DELETE FROM owners WHERE id = ?'
const deleteOwners = 'DELETE FROM owners'
const otherOwners = `
  SELECT DISTINCT owner AS id, beat FROM finite LEFT JOIN owners ON owners.id = finite.owner
  WHERE state = 'running' AND owner <> ?` as Query<Owner>
const topicsOf = `SELECT topic FROM finite WHERE state = 'running' AND owner = ? LIMIT ?` as Query<{
  readonly topic: string
}>
const ownTopics = `SELECT topic, isCancelled FROM finite WHERE state = 'running' AND owner = ?`
const setOwner = 'UPDATE finite SET owner = ? WHERE topic = ?'

/** A process that runs topics, as another one sees it. */
export interface Owner {
  readonly id: string
  /** It rises while the process lives; null if the process is known to be gone. */
  readonly beat: number | null
}

export function registerOwner(database: Database, owner: string): void {
  database.run(insertOwner, owner)
}

/** @returns false if another process took this one for dead, and its topics with it. */
export function beat({ database, owner }: Transaction): boolean {
  return database.run(beatOwner, owner) > 0
}

export function removeOwner(database: Database, owner: string): void {
  database.run(deleteOwner, owner)
}

/** All of them are gone: the machine was restarted. */
export function removeAllOwners(database: Database): void {
  database.run(deleteOwners)
}

export function ownersOtherThan(database: Database, owner: string): readonly Owner[] {
  return database.all(otherOwners, owner)
}

export function topicsRunBy(
  database: Database,
  owner: string,
): readonly { readonly topic: string; readonly isCancelled: number }[] {
  return database.all(ownTopics, owner)
}

/** Takes topics over from a process that is gone, so many at most. */
export function takeOver(transaction: Transaction, from: string, limit: number): readonly string[] {
  const { database, owner } = transaction
  const topics = database.all(topicsOf, from, limit).map(({ topic }) => topic)
  if (topics.length > 0) registerOwner(database, owner)
  for (const topic of topics) {
    database.run(setOwner, owner, topic)
    transaction.forgetRecord(topic)
  }
  if (topics.length < limit) removeOwner(database, from)
  return topics
}

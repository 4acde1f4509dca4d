import type { FaultyConnection } from './faulty-connection.ts'

/** A reader names itself by this when it subscribes. Nobody else knows it, so knowing it is the right to harm its stream. */
export const READER_ID = /^[0-9a-f]{32}$/

/** The open streams by reader, so that a reader can ask for its own to be harmed. */
export interface ReaderConnections {
  add(readerId: string, connection: FaultyConnection): void
  remove(readerId: string, connection: FaultyConnection): void
  of(readerId: string): readonly FaultyConnection[]
}

export function createReaderConnections(): ReaderConnections {
  const byReader = new Map<string, Set<FaultyConnection>>()
  return {
    add(readerId, connection) {
      const ofReader = byReader.get(readerId) ?? new Set()
      byReader.set(readerId, ofReader.add(connection))
    },
    remove(readerId, connection) {
      const ofReader = byReader.get(readerId)
      ofReader?.delete(connection)
      if (ofReader?.size === 0) byReader.delete(readerId)
    },
    of: (readerId) => [...(byReader.get(readerId) ?? [])],
  }
}

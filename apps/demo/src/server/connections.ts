import type { FaultyConnection } from './faulty-connection.ts'

/** A page names itself by this when it subscribes. Nobody else knows it, so knowing it is the right to harm its stream. */
export const PAGE_ID = /^[0-9a-f]{32}$/

/** The open streams by the page that reads them, so that a page can ask for its own to be harmed. */
export interface PageConnections {
  add(pageId: string, connection: FaultyConnection): void
  remove(pageId: string, connection: FaultyConnection): void
  of(pageId: string): readonly FaultyConnection[]
}

export function createPageConnections(): PageConnections {
  const byPage = new Map<string, Set<FaultyConnection>>()
  return {
    add(pageId, connection) {
      const ofPage = byPage.get(pageId) ?? new Set()
      byPage.set(pageId, ofPage.add(connection))
    },
    remove(pageId, connection) {
      const ofPage = byPage.get(pageId)
      ofPage?.delete(connection)
      if (ofPage?.size === 0) byPage.delete(pageId)
    },
    of: (pageId) => [...(byPage.get(pageId) ?? [])],
  }
}

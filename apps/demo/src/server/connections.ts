import type { Cut } from './cuttable.ts'

/** A page names itself by this when it subscribes. Nobody else knows it, so knowing it is the right to cut. */
export const PAGE_ID = /^[0-9a-f]{32}$/

/** The open streams by the page that reads them, so that a page can ask for its own to be cut. */
export interface PageConnections {
  add(pageId: string, cut: Cut): void
  remove(pageId: string, cut: Cut): void
  count(pageId: string): number
  /** @returns How many were cut: 0 if the page has none now. */
  cut(pageId: string): number
}

export function createPageConnections(): PageConnections {
  const cuts = new Map<string, Set<Cut>>()
  return {
    add(pageId, cut) {
      const ofPage = cuts.get(pageId) ?? new Set()
      cuts.set(pageId, ofPage.add(cut))
    },
    remove(pageId, cut) {
      const ofPage = cuts.get(pageId)
      ofPage?.delete(cut)
      if (ofPage?.size === 0) cuts.delete(pageId)
    },
    count: (pageId) => cuts.get(pageId)?.size ?? 0,
    cut(pageId) {
      const ofPage = [...(cuts.get(pageId) ?? [])]
      for (const cut of ofPage) cut()
      return ofPage.length
    },
  }
}

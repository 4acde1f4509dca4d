import type { HubFigures } from '../hub-reader.ts'

/** The figures of all nodes together. Counters never decrease, even when nodes come and go. */
export interface NodeFigures {
  take(node: number, figures: HubFigures): void
  /** The node is gone. What it had counted stays. */
  forget(node: number): void
  /** @param own - of the process that publishes. */
  total(own: HubFigures): HubFigures
}

export function createNodeFigures(): NodeFigures {
  const latest = new Map<number, HubFigures>()
  let deliveredByThoseGone = 0
  return {
    take: (node, figures) => void latest.set(node, figures),
    forget(node) {
      deliveredByThoseGone += latest.get(node)?.delivered ?? 0
      latest.delete(node)
    },
    total({ published }) {
      let [connections, bufferedBytes, delivered] = [0, 0, deliveredByThoseGone]
      for (const figures of latest.values()) {
        connections += figures.connections
        bufferedBytes += figures.bufferedBytes
        delivered += figures.delivered
      }
      return { connections, bufferedBytes, published, delivered }
    },
  }
}

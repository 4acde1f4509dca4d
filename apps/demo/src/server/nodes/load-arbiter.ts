import type { LoadQuestion, ToNode } from './messages.ts'

/** Lets one node at a time run a load, and passes on that it is to end: any node may be asked for that. */
export interface LoadArbiter {
  take(node: number, question: LoadQuestion): void
  /** A node that is gone runs nothing. */
  forget(node: number): void
}

/** @param tell - Nothing comes of it if the node is gone. */
export function createLoadArbiter(tell: (node: number, message: ToNode) => void): LoadArbiter {
  let owner: number | undefined
  // The nodes that wait for the end of the run.
  let waiting: { readonly node: number; readonly id: number }[] = []

  function release(node: number): void {
    if (owner !== node) return
    owner = undefined
    for (const each of waiting) tell(each.node, { kind: 'load-answer', count: 1, id: each.id })
    waiting = []
  }

  return {
    take(node, question) {
      switch (question.kind) {
        case 'load-claim': {
          const isFree = owner === undefined
          if (isFree) owner = node
          tell(node, { kind: 'load-answer', count: Number(isFree), id: question.id })
          break
        }
        case 'load-release':
          release(node)
          break
        case 'load-stop-wanted':
          if (owner === undefined) tell(node, { kind: 'load-answer', count: 0, id: question.id })
          else {
            waiting.push({ node, id: question.id })
            tell(owner, { kind: 'load-stop' })
          }
          break
      }
    },
    forget: release,
  }
}

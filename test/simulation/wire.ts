import type { History } from './history.ts'
import type { Report } from './oracle.ts'

const latin1 = new TextDecoder('latin1')

/** One block of an event stream, as far as the judge cares. */
export interface Block {
  readonly id: string | undefined
  readonly type: string
  readonly hasData: boolean
}

/**
 * Reads the blocks of one response as they arrive: not with the client's parser, which is on trial.
 *
 * @param onBlock - called at the blank line that ends a block.
 */
export function createBlockReader(onBlock: (block: Block) => void): (bytes: Uint8Array) => void {
  let rest = ''
  let id: string | undefined
  let type = 'message'
  let hasData = false
  return (bytes) => {
    // Ids and types are ASCII here, and no byte of a longer character equals CR, LF or colon.
    const lines = (rest + latin1.decode(bytes)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        onBlock({ id, type, hasData })
        id = undefined
        type = 'message'
        hasData = false
      } else if (line.startsWith('id: ')) id = line.slice(4)
      else if (line.startsWith('event: ')) type = line.slice(7)
      else if (line.startsWith('data')) hasData = true
    }
  }
}

/**
 * Holds one connection to the wire contract: the positions of its events only rise, until a gap says otherwise. The
 * client drops repeats, so without this check they would go unnoticed.
 */
export function createWireJudge(history: History, actor: string, report: Report): (block: Block) => void {
  let last = -1
  return ({ id, type, hasData }) => {
    if (id === undefined) return
    const rank = history.rankOf(id)
    if (rank === undefined) {
      report({
        kind: 'not-stored',
        actor,
        text: `the server speaks of ${id}, which is no position of the log`,
      })
      return
    }
    const rises = hasData && !type.startsWith('stream.')
    if (rises && rank <= last) report({ kind: 'repeated', actor, text: `on the wire: ${id} again, or late` })
    last = rank
  }
}

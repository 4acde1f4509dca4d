import type { About } from '../samples.ts'
import { byId } from './element.ts'
import { formatMemory } from './format.ts'

/** The line of what does not change while a process of the server runs. */
export interface Facts {
  /** Asks the server for them, and shows them. */
  load(): Promise<About>
  /**
   * Takes note of who serves the stream, if that is what the comment says.
   *
   * @returns The server's description, if another server answers than before.
   */
  readComment(comment: string): string | undefined
}

/** How a server of the demo begins its streams; any process may answer `/about`. */
const SERVED_BY = /^node (\d+) of (\d+), process (\d+), start (\d+)$/

export function createFacts(): Facts {
  const line = byId('facts', HTMLParagraphElement)
  let machine: readonly string[] = []
  let servedBy: readonly string[] = []
  let greeting: string | undefined

  function show(): void {
    if (machine.length > 0) line.textContent = [...machine, ...servedBy].join(' \u00B7 ')
  }

  return {
    async load() {
      const response = await fetch('/about')
      if (!response.ok) throw new Error(`/about was answered with ${response.status}`)
      const about = (await response.json()) as About
      const { platform, cpuModel, cores, totalBytes, node } = about
      machine = [
        cpuModel,
        cores === 1 ? '1 core' : `${cores} cores`,
        formatMemory(totalBytes),
        platform,
        `Node ${node}`,
      ]
      show()
      return about
    },
    readComment(comment) {
      const [, node, nodes, pid, start] = SERVED_BY.exec(comment) ?? []
      if (pid === undefined || comment === greeting) return undefined
      const isAnother = greeting !== undefined
      greeting = comment
      const process = `process ${pid}${start === '1' ? '' : `, start ${start}`}`
      servedBy = [...(nodes === '1' ? [] : [`served by node ${node} of ${nodes}`]), process]
      show()
      if (!isAnother) return undefined
      return nodes === '1' ? `a new one (${process})` : `node ${node} of ${nodes} (${process})`
    },
  }
}

import type { About } from '../samples.ts'
import { byId } from './element.ts'
import { formatMemory } from './format.ts'

/** Asks what does not change while the server's process runs, and shows it. */
export async function loadFacts(): Promise<About> {
  const response = await fetch('/about')
  if (!response.ok) throw new Error(`/about was answered with ${response.status}`)
  const about = (await response.json()) as About
  const { platform, cpuModel, cores, totalBytes, node, pid } = about
  byId('facts', HTMLParagraphElement).textContent = [
    cpuModel,
    cores === 1 ? '1 core' : `${cores} cores`,
    formatMemory(totalBytes),
    platform,
    `Node ${node}`,
    `process ${pid}`,
  ].join(' \u00B7 ')
  return about
}

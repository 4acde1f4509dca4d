import { createStreamReader } from '../../inspect/stream-reader.ts'
import type { InspectOrder, ObservedEnd, ObservedHead } from '../../inspect/observation.ts'
import type { Observation } from '../../inspect/finding.ts'
import { inspect } from '../inspect/inspect.ts'
import { anywhere } from '../inspect/reach.ts'
import { runtime } from '../runtime.ts'

/**
 * Looks at a stream for as long as the order says, or until it has seen enough.
 *
 * @param isEnough - asked after each chunk.
 */
export async function observe(
  order: InspectOrder,
  signal: AbortSignal,
  isEnough: (reading: Observation['reading']) => boolean = () => false,
): Promise<Observation> {
  const reader = createStreamReader()
  let head: ObservedHead | undefined
  let end: ObservedEnd | undefined
  let watchedMs = 0
  for await (const event of inspect({ order, reach: anywhere, runtime, signal })) {
    watchedMs = event.data.atMs
    if (event.event === 'head') head = event.data
    else if (event.event === 'end') end = event.data
    else reader.read(event.data.atMs, Buffer.from(event.data.base64, 'base64'))
    if (event.event === 'chunk' && isEnough(reader.reading)) break
  }
  return { head, reading: reader.reading, end, watchedMs }
}

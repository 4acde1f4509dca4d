import { parentPort, workerData } from 'node:worker_threads'
import { mutants } from './mutants.ts'
import { loadWith } from './mutate.ts'
import type { FoundViolation, SeedOrder, WorkerMessage } from './search.ts'

// One thread of a search: `search.ts` starts it. The world is loaded only when the mutant, if there is one, is in place.
const order = workerData as SeedOrder
const mutant = mutants.find(({ name }) => name === order.mutant)
if (mutant !== undefined) loadWith(mutant)
const { runSeed } = await import('./run-seed.ts')

function send(message: WorkerMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- it is not a window
  parentPort?.postMessage(message)
}

// A stack for every connection that is lost costs more than the loss.
Error.stackTraceLimit = 0
const reduction = order.log === undefined ? {} : { log: order.log }
let seed = order.from
// What no promise and no callback has caught is a violation of the seed at hand.
process.on('uncaughtException', (error) => {
  send({ type: 'found', seed, violation: { kind: 'unexpected-error', actor: 'world', text: String(error) } })
})

for (; seed < order.from + order.count * order.step; seed += order.step) {
  const { violation, counts } = await runSeed(seed, { reduction, directory: order.directory })
  const found: FoundViolation | undefined = violation && { seed, violation }
  if (found !== undefined) send({ type: 'found', ...found })
  send({
    type: 'ran',
    seed,
    virtualMs: counts.virtualMs,
    stored: counts.stored,
    connections: counts.connections,
  })
}
send({ type: 'done' })

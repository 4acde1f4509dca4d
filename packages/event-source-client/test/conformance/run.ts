/** Runs all cases in the runtime at hand, against the server of the test that starts it: `run.ts <origin> <other origin>`. */
import { conformanceCases } from './cases.ts'

// On Node and Bun process.argv, and on Deno, too.
const [origin = '', otherOrigin = ''] = process.argv.slice(2)

for (const { name, run } of conformanceCases) {
  try {
    await run({ origin, otherOrigin })
    process.stdout.write(`passed ${name}\n`)
  } catch (error) {
    process.stdout.write(`failed ${name}: ${String(error)}\n`)
  }
}

/** `pnpm bench`: see README.md. */
import { writeFile } from 'node:fs/promises'
import { benchmarks } from './benchmarks.ts'
import { parseCommandLine, usage } from './command-line.ts'
import { OptionError } from './errors/option-error.ts'
import { describeMachine } from './machine.ts'
import { formatMachine, formatResult } from './report.ts'
import { runBenchmark } from './run-benchmark.ts'
import type { BenchmarkResult } from './run-benchmark.ts'

async function run(args: readonly string[]): Promise<void> {
  const { action, names, jsonFile, settings } = parseCommandLine(args)
  if (action === 'help') return console.log(usage)
  if (action === 'list')
    return console.log(benchmarks.map((each) => `${each.name}: ${each.summary}`).join('\n'))

  const chosen = names.length === 0 ? benchmarks : names.map(benchmarkNamed)
  const machine = await describeMachine()
  const print = jsonFile === '-' ? () => {} : console.log
  print(formatMachine(machine))
  const results: BenchmarkResult[] = []
  for (const benchmark of chosen) {
    const result = await runBenchmark(benchmark, settings, showProgress)
    showProgress('')
    print(formatResult(result, machine))
    results.push(result)
  }
  const json = `${JSON.stringify({ machine, settings, results }, null, 2)}\n`
  if (jsonFile === '-') process.stdout.write(json)
  else if (jsonFile !== undefined) await writeFile(jsonFile, json)
  if (results.some(({ contenders }) => contenders.some(({ voidReason }) => voidReason !== undefined))) {
    process.exitCode = 1
  }
}

function benchmarkNamed(name: string): (typeof benchmarks)[number] {
  const found = benchmarks.find((each) => each.name === name)
  if (found !== undefined) return found
  const names = benchmarks.map((each) => each.name).join(', ')
  throw new OptionError(JSON.stringify(name.slice(0, 40)), `is not a benchmark; choose from ${names}`)
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

try {
  await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof OptionError)) throw error
  console.error(`${error.message}\n\n${usage}`)
  process.exitCode = 2
}

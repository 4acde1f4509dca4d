import type { Benchmark, BenchmarkSession, Contender, Measurement, Settings } from './benchmark.ts'

/** All that was measured of one contender. */
export interface ContenderResult {
  readonly contender: Contender
  /** By round; undefined where a round has none. */
  readonly rounds: readonly (Measurement | undefined)[]
  /** Why its figures do not count; absent: they do. */
  readonly voidReason: string | undefined
}

export interface BenchmarkResult {
  readonly benchmark: Benchmark
  readonly conditions: string
  readonly roundsPlanned: number
  readonly roundsMade: number
  readonly seconds: number
  readonly contenders: readonly ContenderResult[]
  readonly warnings: readonly string[]
}

/**
 * Measures all contenders in turns, A B C A B C ..., so that a slow time of the machine hits all alike.
 *
 * A contender that fails is out, and its row void: half of its rounds would not be comparable.
 */
export async function runBenchmark(
  benchmark: Benchmark,
  settings: Settings,
  progress: (text: string) => void,
): Promise<BenchmarkResult> {
  const startedAt = performance.now()
  const elapsedMs = (): number => performance.now() - startedAt
  await using session = benchmark.open(settings)
  const entries = benchmark.contenders
    .filter(({ missing }) => missing === undefined)
    .map((contender) => new Entry(contender))
  let round = 0
  for (; round < session.rounds; round += 1) {
    if (round > 0 && (elapsedMs() / round) * (round + 1) > session.budgetMs) break
    for (const entry of entries) {
      progress(`${benchmark.name} ${round + 1}/${session.rounds} ${entry.contender.name}`)
      await entry.measure(session, round)
    }
  }
  return {
    benchmark,
    conditions: session.conditions,
    roundsPlanned: session.rounds,
    roundsMade: round,
    seconds: elapsedMs() / 1000,
    contenders: entries,
    warnings: [
      ...benchmark.contenders.flatMap(({ name, missing }) =>
        missing === undefined ? [] : `${name}: ${missing}`,
      ),
      ...new Set(entries.flatMap((entry) => entry.warnings())),
    ],
  }
}

class Entry implements ContenderResult {
  readonly contender: Contender
  readonly rounds: (Measurement | undefined)[] = []
  voidReason: string | undefined

  constructor(contender: Contender) {
    this.contender = contender
  }

  async measure(session: BenchmarkSession, round: number): Promise<void> {
    if (this.voidReason !== undefined) return
    try {
      this.rounds[round] = await session.measure(this.contender)
    } catch (error) {
      this.voidReason = error instanceof Error ? error.message : String(error)
    }
  }

  warnings(): readonly string[] {
    return this.rounds.flatMap((one) => one?.warnings ?? [])
  }
}

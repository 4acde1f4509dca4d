/** How much a run does. */
export interface Settings {
  /** Connections; absent: each benchmark's own default. */
  readonly connections: number | undefined
  /** Measurements of each contender; absent: each benchmark's own default. */
  readonly rounds: number | undefined
  /** `'quick'`: enough to see that everything works; the figures mean little. */
  readonly scale: 'full' | 'quick'
  /** Where contenders write CPU profiles. Absent: nowhere. Profiling costs CPU itself. */
  readonly profileDirectory: string | undefined
}

/** A quantity that is measured of each contender. */
export interface Measure {
  readonly id: string
  /** With its unit. */
  readonly title: string
  /** Digits after the point. */
  readonly digits: number
}

export interface TableSpec {
  readonly id: string
  readonly title: string
  /** The first is what ratios are made of. */
  readonly measures: readonly [Measure, ...Measure[]]
  /** Contenders that the others are compared with. */
  readonly baselines: readonly string[]
}

export interface Contender {
  readonly name: string
  /** npm packages, whose versions are reported. */
  readonly packages: readonly string[]
  /** The program that this machine lacks, and how to get it; the contender then has no row. Absent: nothing is missing. */
  readonly missing?: string | undefined
}

/** One measurement of one contender: by table and measure. */
export interface Measurement {
  readonly values: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** A note that readers need to judge the values. */
  readonly warnings: readonly string[]
}

/** A benchmark that is set up. */
export interface BenchmarkSession extends AsyncDisposable {
  /** The measured value and its conditions, in a sentence. */
  readonly conditions: string
  readonly rounds: number
  /** No new round begins that would probably end after this time. */
  readonly budgetMs: number
  /** @throws for a contender that does not load, or does not deliver: its row is void then. */
  measure(contender: Contender): Promise<Measurement>
}

export interface Benchmark {
  readonly name: string
  readonly summary: string
  readonly tables: readonly TableSpec[]
  readonly contenders: readonly Contender[]
  open(settings: Settings): BenchmarkSession
}

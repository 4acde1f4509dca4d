import type { Benchmark } from './benchmark.ts'
import { client } from './client.ts'
import { earliest } from './earliest.ts'
import { fanOut } from './fan-out.ts'
import { format } from './format.ts'
import { hello } from './hello.ts'
import { idleMemory } from './idle-memory.ts'
import { latency } from './latency.ts'
import { logs } from './logs.ts'
import { multiCore } from './multi-core.ts'
import { replay } from './replay.ts'
import { sharedFile } from './shared-file.ts'
import { storm } from './storm.ts'
import { stream } from './stream.ts'
import { topics } from './topics.ts'

/** All benchmarks, in the order in which they run. */
export const benchmarks: readonly Benchmark[] = [
  fanOut,
  latency,
  replay,
  idleMemory,
  hello,
  multiCore,
  stream,
  format,
  client,
  topics,
  storm,
  earliest,
  logs,
  sharedFile,
]

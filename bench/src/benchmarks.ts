import type { Benchmark } from './benchmark.ts'
import { client } from './client.ts'
import { fanOut } from './fan-out.ts'
import { format } from './format.ts'
import { idleMemory } from './idle-memory.ts'
import { topics } from './topics.ts'

/** All benchmarks, in the order in which they run. */
export const benchmarks: readonly Benchmark[] = [fanOut, idleMemory, format, client, topics]

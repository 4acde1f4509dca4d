import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { filesDirectory } from './files-directory.ts'
import type { Violation } from './oracle.ts'

/** What one thread is to run. */
export interface SeedOrder {
  readonly from: number
  readonly count: number
  /** From one seed to the next: threads take turns. */
  readonly step: number
  readonly mutant: string | undefined
  readonly log: 'sqlite' | undefined
  readonly directory: string
}

export interface FoundViolation {
  readonly seed: number
  readonly violation: Violation
}

export type WorkerMessage =
  | ({ readonly type: 'found' } & FoundViolation)
  | ({ readonly type: 'ran'; readonly seed: number } & SeedCounts)
  | { readonly type: 'done' }

interface SeedCounts {
  readonly virtualMs: number
  readonly stored: number
  readonly connections: number
}

export interface SearchOptions {
  readonly from: number
  readonly count: number
  /** Threads. Default 1. */
  readonly jobs?: number
  /** The name of one of `mutants.ts`. */
  readonly mutant?: string
  /** Holds all seeds over the real log in a file. Default: over what each seed draws. */
  readonly log?: 'sqlite' | undefined
  /** Ends the search. Default 1. */
  readonly maxViolations?: number
  readonly onProgress?: (progress: SearchResult) => void
}

export interface SearchResult {
  readonly seeds: number
  readonly found: readonly FoundViolation[]
  /** In sum over all seeds. */
  readonly counts: SeedCounts
}

/** A seed that takes longer than this, in real time, does not come to its end. */
const stuckMs = 60_000

/** Runs seeds until they are through, or one of them, or some, have shown a violation. */
export async function search(options: SearchOptions): Promise<SearchResult> {
  const { jobs = 1, maxViolations = 1 } = options
  const found: FoundViolation[] = []
  const counts = { virtualMs: 0, stored: 0, connections: 0 }
  let seeds = 0
  const isOver = (): boolean => found.length >= maxViolations
  // A thread that is ended in the midst of a seed leaves its files behind.
  const directory = mkdtempSync(join(filesDirectory, 'sse-simulation-'))
  const threads = Array.from({ length: jobs }, async (_, index) => {
    const order: SeedOrder = {
      from: options.from + index,
      count: Math.ceil((options.count - index) / jobs),
      step: jobs,
      mutant: options.mutant,
      log: options.log,
      directory,
    }
    await runThread(order, (message) => {
      if (message.type === 'found' && !isOver())
        found.push({ seed: message.seed, violation: message.violation })
      if (message.type === 'ran') {
        seeds += 1
        counts.virtualMs += message.virtualMs
        counts.stored += message.stored
        counts.connections += message.connections
        options.onProgress?.({ seeds, found, counts })
      }
      return !isOver()
    })
  })
  await Promise.all(threads).finally(() => rmSync(directory, { recursive: true, force: true }))
  return { seeds, found: found.toSorted((a, b) => a.seed - b.seed), counts }
}

/** @param onMessage - gives false when the thread is to end. */
function runThread(order: SeedOrder, onMessage: (message: WorkerMessage) => boolean): Promise<void> {
  const worker = new Worker(new URL('seed-worker.ts', import.meta.url), {
    workerData: order,
    execArgv: ['--conditions=@sse-toolkit/source'],
  })
  return new Promise((resolve, reject) => {
    let seed = order.from
    let isEnding = false
    let watchdog = setTimeout(bark, stuckMs)
    function bark(): void {
      const text = `it does not come to its end within ${stuckMs / 1000} s`
      onMessage({ type: 'found', seed, violation: { kind: 'not-caught-up', actor: 'world', text } })
      end()
    }
    function end(): void {
      isEnding = true
      clearTimeout(watchdog)
      worker.off('message', take)
      worker.terminate().then(() => resolve(), reject)
    }
    function take(message: WorkerMessage): void {
      clearTimeout(watchdog)
      if (message.type === 'ran') seed = message.seed + order.step
      if (!onMessage(message) || message.type === 'done') end()
      else watchdog = setTimeout(bark, stuckMs)
    }
    worker.on('message', take)
    worker.on('error', (error) => {
      clearTimeout(watchdog)
      reject(error)
    })
    // To end without a word is to have tried nothing.
    worker.on('exit', () => {
      if (isEnding) return
      clearTimeout(watchdog)
      reject(new Error(`The thread of seed ${seed} has ended by itself`))
    })
  })
}

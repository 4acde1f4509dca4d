import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import type { Benchmark, BenchmarkSession, Contender, Measurement, Settings } from './benchmark.ts'
import { DeliveryError } from './errors/delivery-error.ts'
import { userOf } from './http/http-server.ts'
import type { MultiCoreMethods } from './multi-core/multi-core-process.ts'
import { startWorker } from './worker/worker.ts'

const table = 'multi-core'
const one = '1 process'
const processesOf: Readonly<Record<string, number>> = { [one]: 1, '2 processes': 2 }
// In C, so that it leaves the servers something of two cores.
const hasWrk = spawnSync('wrk', ['--version']).error === undefined

/** The gain from a second process on the same port. */
export const multiCore: Benchmark = {
  name: 'multi-core',
  summary: 'requests to one and to two processes that share a port (reusePort)',
  contenders: Object.keys(processesOf).map((name): Contender => ({
    name,
    packages: ['@sse-toolkit/http-core'],
    missing: hasWrk ? undefined : 'needs wrk (apt: wrk)',
  })),
  tables: [
    {
      id: table,
      title: 'GET /users/:id',
      measures: [
        { id: 'rate', title: 'requests / s', digits: 0 },
        { id: 'cpu', title: 'CPU us / request', digits: 1 },
      ],
      baselines: [one],
    },
  ],
  open(settings: Settings): BenchmarkSession {
    const isQuick = settings.scale === 'quick'
    const connections = settings.connections ?? 64
    const seconds = isQuick ? 1 : 3
    return {
      conditions:
        `${connections} connections of wrk, which takes a part of the same two cores: two processes cannot be twice as ` +
        'fast here.',
      rounds: settings.rounds ?? (isQuick ? 1 : 5),
      budgetMs: isQuick ? 8000 : 60_000,
      async measure({ name }): Promise<Measurement> {
        await using started = new AsyncDisposableStack()
        const workers = Array.from({ length: processesOf[name] ?? 1 }, (_, index) =>
          started.use(
            startWorker<MultiCoreMethods>({
              name: 'server',
              entry: new URL('multi-core/multi-core-process.ts', import.meta.url),
              core: index === 0 ? 0 : 1,
            }),
          ),
        )
        let port = 0
        for (const worker of workers) port = await worker.call('open', port)
        const url = `http://127.0.0.1:${port}/users/7`
        const body = await (await fetch(url)).text()
        if (body !== JSON.stringify(userOf('7')))
          throw new DeliveryError(`it was answered ${body.slice(0, 60)}`)
        await askFor(url, connections, 1)
        const cpu = async (): Promise<number> => {
          const each = await Promise.all(workers.map((worker) => worker.call('cpuMicros')))
          return each.reduce((sum, micros) => sum + micros, 0)
        }
        const cpuBefore = await cpu()
        const { requests, rate } = await askFor(url, connections, seconds)
        return { values: { [table]: { rate, cpu: ((await cpu()) - cpuBefore) / requests } }, warnings: [] }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
}

async function askFor(
  url: string,
  connections: number,
  seconds: number,
): Promise<{ readonly requests: number; readonly rate: number }> {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, url]
  const { stdout } = await promisify(execFile)('wrk', args)
  const [, requests] = /(\d+) requests in/.exec(stdout) ?? []
  const [, rate] = /Requests\/sec:\s+([\d.]+)/.exec(stdout) ?? []
  if (requests === undefined || rate === undefined || /Non-2xx|Socket errors/.test(stdout))
    throw new DeliveryError(`wrk: ${stdout.slice(-200)}`)
  return { requests: Number(requests), rate: Number(rate) }
}

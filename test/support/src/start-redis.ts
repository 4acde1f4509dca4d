import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort } from './free-port.ts'
import { findRedisServer } from './redis-server.ts'
import { startProcess } from './start-process.ts'
import type { StartedProcess } from './start-process.ts'

export interface RedisOptions {
  /** Default `memory`: nothing is kept. `append-only`: every write is on disk before it is answered. */
  persistence?: 'memory' | 'append-only'
  /** Default `plain`. `tls`: only TLS is spoken on the port; `args` name certificate and key. */
  protocol?: 'plain' | 'tls'
  /** Further arguments of `redis-server`, such as `['--replicaof', '127.0.0.1', '7000']`. */
  args?: readonly string[]
}

/** A Redis of the test's own, on a free port, that can be killed and started again. */
export interface StartedRedis extends AsyncDisposable {
  readonly port: number
  /** `redis://127.0.0.1:port` */
  readonly url: string
  readonly pid: number
  kill(signal?: NodeJS.Signals): Promise<void>
  /** On the same port, with what it kept. */
  start(): Promise<void>
}

/** @throws Error with the reason when {@link findRedisServer} says to skip. */
export async function startRedis(options: RedisOptions = {}): Promise<StartedRedis> {
  const { persistence = 'memory', protocol = 'plain', args = [] } = options
  const program = findRedisServer()
  if (program.skip) throw new Error(program.reason)
  const command = program.path
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-redis-'))
  const port = await findFreePort()
  const ports = protocol === 'tls' ? ['--port', '0', '--tls-port', String(port)] : ['--port', String(port)]
  const kept = persistence === 'append-only' ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []

  const launch = (): Promise<StartedProcess> =>
    startProcess({
      command,
      args: [...ports, '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...kept, ...args],
      ready: /Ready to accept connections/,
    })

  let server: StartedProcess
  try {
    server = await launch()
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return server.pid
    },
    async kill(signal = 'SIGKILL') {
      await server.kill(signal)
    },
    async start() {
      server = await launch()
    },
    async [Symbol.asyncDispose]() {
      await server.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

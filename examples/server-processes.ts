/**
 * The examples whose servers are processes of their own: one, with the hub's log in memory, or two, with the log on the Redis
 * of `REDIS_URL`. Their stories are the same.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { redisLog } from '@sse-toolkit/sse-redis'
import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'

const { REDIS_URL: redisUrl } = process.env

/** The log of a server, in its own process. */
export function createLog(): EventLog {
  if (redisUrl === undefined) return memoryLog()
  // Noticed soon, so that the examples do not take long: that a process has died.
  return redisLog({ url: redisUrl, leaseMs: 1000, syncIntervalMs: 100 })
}

/** Tells the story where the server listens, and ends with it. */
export function announce(url: string | undefined): void {
  process.send?.(url)
  process.on('disconnect', () => process.exit())
}

export interface ServerProcess {
  readonly url: string
  /** Resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** The server where things begin, and another one, if there is Redis; else the same. */
export async function startServers(
  program: URL,
  env?: Readonly<Record<string, string>>,
): Promise<{ readonly here: ServerProcess; readonly there: ServerProcess; readonly areTwo: boolean }> {
  const here = await startServer(program, env)
  const areTwo = redisUrl !== undefined
  return { here, there: areTwo ? await startServer(program, env) : here, areTwo }
}

export async function startServer(
  program: URL,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const child = fork(fileURLToPath(program), {
    env: { ...process.env, ...env },
    // Started as this program was, without its link to the process that started it.
    execArgv: process.execArgv.filter((argument) => argument.startsWith('--conditions')),
  })
  const exited = once(child, 'exit')
  const failed = exited.then(() => Promise.reject(new Error(`${program.href} ended before it listened`)))
  const [url] = (await Promise.race([once(child, 'message'), failed])) as [string]
  return {
    url,
    async end(signal) {
      child.kill(signal)
      await exited
    },
  }
}

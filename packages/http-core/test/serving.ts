import { onTestFinished } from 'vitest'
import { createServer } from '../src/node/index.ts'
import type { Server, ServerOptions } from '../src/node/index.ts'
import type { LogFields, Logger } from '../src/index.ts'

/** A server on a free port that logs nothing unless told to, closed when the test is over. */
export async function serving(
  options: Omit<ServerOptions, 'port'>,
): Promise<Server & { readonly port: number; readonly url: string }> {
  const server = createServer({ logger: 'off', ...options, port: 0 })
  await server.listen()
  onTestFinished(async () => {
    await server.close({ timeoutMs: 0 })
  })
  return server as Server & { readonly port: number; readonly url: string }
}

/** A logger that remembers. */
export function recordingLogger(): Logger & { readonly records: LogFields[] } {
  const records: LogFields[] = []
  const record = (fields: LogFields): void => {
    records.push(fields)
  }
  return { records, debug: record, info: record, warn: record, error: record }
}

/** Resolves when the condition holds, looking after every turn of the event loop; the test's timeout is its limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** Resolves after so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

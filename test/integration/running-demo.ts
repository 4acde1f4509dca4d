import { fileURLToPath } from 'node:url'
import { startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { expect } from 'vitest'

export const DEMO: string = fileURLToPath(new URL('../../apps/demo/src/main.ts', import.meta.url))

/** Asks again and again, for as long as a busy machine may need. */
export const eventually: typeof expect.poll = (read, options) =>
  expect.poll(read, { timeout: 15_000, interval: 50, ...options })

export interface RunningDemo {
  readonly process: StartedProcess
  readonly port: number
  readonly url: string
}

/** PORT of whoever runs the tests must not decide what they see. */
export const env = { PORT: undefined }

export async function startDemo(port = 0, args: readonly string[] = []): Promise<RunningDemo> {
  const process = await startProcess({
    args: [DEMO, '--port', String(port), ...args],
    env,
    ready: /The demo runs at \S+ /,
  })
  const url = /runs at (\S+)/.exec(process.stdout)?.[1] ?? ''
  return { process, url, port: Number(new URL(url).port) }
}

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
  /** The address without the token, with which one can only watch. */
  readonly url: string
  /** The address that the demo printed: opening it lets a browser use the controls. */
  readonly pageUrl: string
  /** Lets a request without the cookie use the controls. */
  readonly authorization: string
}

/** The tests must not depend on the environment variables of the shell that runs them. */
export const env: Readonly<Record<string, string | undefined>> = {
  PORT: undefined,
  SSE_DEMO_TOKEN: undefined,
}

export async function startDemo(port = 0, args: readonly string[] = []): Promise<RunningDemo> {
  const process = await startProcess({
    args: [DEMO, '--port', String(port), ...args],
    env,
    ready: /The demo runs at \S+ /,
  })
  return describeDemo(process)
}

/** What a demo that runs has printed about itself. */
export function describeDemo(process: StartedProcess): RunningDemo {
  const pageUrl = /runs at (\S+)/.exec(process.stdout)?.[1] ?? ''
  const { origin, port, searchParams } = new URL(pageUrl)
  return {
    process,
    url: `${origin}/`,
    pageUrl,
    port: Number(port),
    authorization: `Bearer ${searchParams.get('token')}`,
  }
}

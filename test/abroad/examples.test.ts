import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findRedisServer, startProcess, startRedis } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'

// Every example is a program that checks itself, prints `ok`, and ends.

const folder = fileURLToPath(new URL('../../examples/', import.meta.url))
// What the examples share, and the hosts that are programs of other runtimes (see adapters.test.ts).
const others = new Set(['story.ts', 'listen.ts', 'self-signed.ts', 'route-handlers.ts', 'bun.ts', 'deno.ts'])
// Their servers are processes of their own: one, or two on Redis.
const examplesOfProcesses = ['ai-sdk/main.ts', 'job-progress/main.ts', 'provider-proxy/main.ts']
const examples = [
  ...readdirSync(join(folder, 'adapters'))
    .filter((name) => name.endsWith('.ts') && !others.has(name))
    .map((name) => `adapters/${name}`),
  'llm-answer/main.ts',
  'processes/main.ts',
  'shared-log/main.ts',
  'web-app/main.ts',
  ...examplesOfProcesses,
]
const redisServer = findRedisServer()

async function expectOk(name: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
  await using program = await startProcess({ args: [join(folder, name)], env })
  const { code } = await program.exited
  expect({ code, stdout: program.stdout, stderr: program.stderr }).toEqual({
    code: 0,
    stdout: 'ok\n',
    stderr: '',
  })
}

describe('the examples', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(7)
  })

  it.each(examples)('%s checks itself', (name) => expectOk(name))

  it.skipIf(redisServer.skip).each(examplesOfProcesses)('%s checks itself on two processes', async (name) => {
    await using redis = await startRedis()
    await expectOk(name, { REDIS_URL: redis.url })
  })
})

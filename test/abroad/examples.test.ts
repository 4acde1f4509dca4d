import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findNginx, findRedisServer, startProcess, startRedis } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'

// Every example is a program that checks itself, prints `ok`, and ends.

const folder = fileURLToPath(new URL('../../examples/', import.meta.url))
// What the examples share, and the hosts that are programs of other runtimes (see adapters.test.ts).
const others = new Set(['story.ts', 'listen.ts', 'self-signed.ts', 'route-handlers.ts', 'bun.ts', 'deno.ts'])
// Their servers are processes of their own: one, or two on Redis.
const examplesOfProcesses = ['ai-sdk/main.ts', 'job-progress/main.ts', 'provider-proxy/main.ts']
// Run only with Redis, or nginx.
const examplesOfRedis = ['redis/main.ts']
const examplesOfNginx = ['nginx/main.ts']
const folders = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.'))
  .map(({ name }) => name)
const examples = [
  ...readdirSync(join(folder, 'adapters'))
    .filter((name) => name.endsWith('.ts') && !others.has(name))
    .map((name) => `adapters/${name}`),
  ...folders
    .filter((name) => existsSync(join(folder, name, 'main.ts')))
    .map((name) => `${name}/main.ts`)
    .filter((name) => !examplesOfRedis.includes(name) && !examplesOfNginx.includes(name)),
]
const redisServer = findRedisServer()
const nginx = findNginx()

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
    expect(examples.length).toBeGreaterThanOrEqual(15)
  })

  it('are all listed in their README', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8')
    const linked = [...readme.matchAll(/\]\(([\w-]+)\//g)].map(([, name]) => name)
    expect(new Set(linked)).toEqual(new Set(folders))
  })

  it.each(examples)('%s checks itself', (name) => expectOk(name))

  it.skipIf(nginx.skip).each(examplesOfNginx)('%s checks itself, with nginx', (name) => expectOk(name))

  it.skipIf(redisServer.skip).each([...examplesOfProcesses, ...examplesOfRedis])(
    '%s checks itself over Redis',
    async (name) => {
      await using redis = await startRedis()
      await expectOk(name, { REDIS_URL: redis.url })
    },
  )
})

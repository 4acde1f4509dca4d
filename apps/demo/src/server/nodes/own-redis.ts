import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** A Redis of the demo's own, which keeps nothing beyond its life. */
export interface OwnRedis {
  readonly url: string
  close(): Promise<void>
}

/** It ends when its standard input does, and so with this process, even if that is killed; but not by Ctrl-C, before it. */
const LIFE = `command -v redis-server >/dev/null || exit 127
trap '' INT
redis-server "$@" &
read -r _
kill $!
wait`

/** @returns Undefined if there is no redis-server on the PATH. */
export async function startOwnRedis(): Promise<OwnRedis | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-demo-'))
  const port = await findFreePort()
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder,
    '--save',
    '',
    '--appendonly',
    'no',
  ]
  const child = spawn('sh', ['-c', LIFE, 'sh', ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  const isReady = await new Promise<boolean>((resolve) => {
    child.on('error', () => resolve(false))
    child.on('exit', () => resolve(false))
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve(true)
    })
  })
  if (!isReady) {
    await rm(folder, { recursive: true })
    return undefined
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async close() {
      const exited = once(child, 'exit')
      child.stdin.end()
      if (child.exitCode === null) await exited
      await rm(folder, { recursive: true })
    },
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

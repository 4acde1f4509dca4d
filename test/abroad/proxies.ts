import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import { patience, startProcess } from '@sse-toolkit/test-support'
import type { ExternalProgram, StartedProcess } from '@sse-toolkit/test-support'

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  await once(probe.close(), 'close')
  return port
}

/** @throws Error under CI if it is not there. */
export function findHaproxy(): ExternalProgram {
  const path = process.env['HAPROXY_PATH'] ?? 'haproxy'
  if (spawnSync(path, ['-v']).status === 0) return { skip: false, path }
  const reason = 'haproxy is not installed: apt-get install haproxy, or set HAPROXY_PATH'
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') throw new Error(reason)
  console.warn(`Skipping tests: ${reason}.`)
  return { skip: true, reason }
}

/** Starts nginx with these blocks within `http {}`; `$folder` stands for a folder of its own. */
export async function startNginxWith(
  program: ExternalProgram,
  port: number,
  http: string,
  files: Readonly<Record<string, string>> = {},
): Promise<void> {
  await start(program, port, files, (folder) => ({
    args: ['-e', 'stderr', '-p', folder, '-c', join(folder, 'proxy.conf'), '-g', 'error_log stderr;'],
    configuration: `
      daemon off;
      master_process off;
      pid ${folder}/nginx.pid;
      events {}
      http {
        access_log off;
        ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
        ${http.replaceAll('$folder', folder)}
      }`,
  }))
}

/** Starts HAProxy with this configuration. */
export async function startHaproxy(
  program: ExternalProgram,
  port: number,
  configuration: string,
): Promise<void> {
  await start(program, port, {}, (folder) => ({
    args: ['-db', '-f', join(folder, 'proxy.conf')],
    configuration: `${configuration.trim()}\n`,
  }))
}

async function start(
  program: ExternalProgram,
  port: number,
  files: Readonly<Record<string, string>>,
  setUp: (folder: string) => { readonly args: readonly string[]; readonly configuration: string },
): Promise<void> {
  if (program.skip) throw new Error(program.reason)
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-proxy-'))
  const { args, configuration } = setUp(folder)
  await writeFile(join(folder, 'proxy.conf'), configuration)
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const running: StartedProcess = await startProcess({ command: program.path, args })
  onTestFinished(async () => {
    await running.kill()
    await rm(folder, { recursive: true })
  })
  let ended = false
  void running.exited.then(() => (ended = true))
  // They say nothing when they listen.
  await vi.waitUntil(async () => {
    if (ended) throw new Error(running.stderr)
    return accepts(port)
  }, patience)
}

async function accepts(port: number): Promise<boolean> {
  const probe = connect(port, '127.0.0.1')
  try {
    await once(probe, 'connect')
    return true
  } catch {
    return false
  } finally {
    probe.destroy()
  }
}

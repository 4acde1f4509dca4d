import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findExternalProgram } from './external-program.ts'
import type { ExternalProgram } from './external-program.ts'
import { findFreePort } from './free-port.ts'
import { startProcess } from './start-process.ts'
import type { StartedProcess } from './start-process.ts'

/** An nginx of the test's own, on a free port of 127.0.0.1. */
export interface StartedNginx extends AsyncDisposable {
  readonly port: number
}

/** Their usual places are for root alone. */
const TEMPORARY_FILES = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']

/**
 * Finds `nginx`, or what the environment variable NGINX_PATH names.
 *
 * @throws MissingProgramError under CI when nginx is missing.
 */
export function findNginx(env: NodeJS.ProcessEnv = process.env): ExternalProgram {
  return findExternalProgram({
    names: ['nginx'],
    // Not in the PATH of Debian's ordinary users.
    folders: ['/usr/sbin'],
    variable: 'NGINX_PATH',
    howToGet: 'apt-get install nginx-light',
    env,
  })
}

/**
 * Starts nginx as a reverse proxy.
 *
 * @param location - The directives of `location /`, such as `proxy_pass http://127.0.0.1:8080;`.
 * @throws Error with the reason when {@link findNginx} says to skip.
 */
export async function startNginx(location: string): Promise<StartedNginx> {
  const program = findNginx()
  if (program.skip) throw new Error(program.reason)
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-nginx-'))
  const port = await findFreePort()
  const configuration = join(folder, 'nginx.conf')
  await writeFile(
    configuration,
    `
      # One process, in the foreground: nothing outlives it.
      daemon off;
      master_process off;
      pid ${folder}/nginx.pid;
      events {}
      http {
        access_log off;
        ${TEMPORARY_FILES.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
        server {
          listen 127.0.0.1:${port};
          location / { ${location} }
        }
      }
    `,
  )
  try {
    const server = await startProcess({
      command: program.path,
      args: ['-e', 'stderr', '-p', folder, '-c', configuration, '-g', 'error_log stderr;'],
    })
    // It says nothing when it listens.
    await untilAccepts(port, server)
    return {
      port,
      async [Symbol.asyncDispose]() {
        await server.kill()
        await rm(folder, { recursive: true })
      },
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

const RETRY_MS = 20

/** @throws Error with what the process wrote, if it ended instead. */
async function untilAccepts(port: number, server: StartedProcess): Promise<void> {
  let hasEnded = false
  void server.exited.then(() => (hasEnded = true))
  while (!(await accepts(port))) {
    if (hasEnded) throw new Error(`nginx ended before it listened: ${server.stderr}`)
    await new Promise<void>((resolve) => {
      setTimeout(resolve, RETRY_MS)
    })
  }
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

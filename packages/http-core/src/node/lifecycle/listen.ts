import { lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import type { ListenOptions } from 'node:net'
import { ListenError } from '../../errors/listen-error.ts'
import type { ListenErrorCode } from '../../errors/listen-error.ts'
import type { Settings } from './settings.ts'

const codes: ReadonlyMap<string, ListenErrorCode> = new Map([
  ['EADDRINUSE', 'address-in-use'],
  ['EADDRNOTAVAIL', 'address-not-available'],
  ['EACCES', 'permission-denied'],
  ['EPERM', 'permission-denied'],
  ['ENOTFOUND', 'host-not-found'],
  ['EAI_AGAIN', 'host-not-found'],
  ['EBADF', 'bad-descriptor'],
  ['EINVAL', 'bad-descriptor'],
  ['ENOTSOCK', 'bad-descriptor'],
])

/**
 * Opens the listening socket.
 *
 * @throws {@link ListenError}
 */
export async function listen(server: Server, settings: Settings): Promise<void> {
  const target = settings.listen
  if (target === undefined) {
    const { hostname: host, port, reusePort } = settings
    await open(
      server,
      { host, port, ...(reusePort && { reusePort }) },
      host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    )
  } else if ('fd' in target) {
    await open(server, { fd: target.fd } as ListenOptions, `file descriptor ${target.fd}`)
  } else {
    await openPath(server, target.path)
  }
}

async function openPath(server: Server, path: string): Promise<void> {
  try {
    await open(server, { path }, path)
  } catch (error) {
    const isTaken = error instanceof ListenError && error.code === 'address-in-use'
    if (!isTaken || !(await isLeftBehind(path))) throw error
    await unlink(path)
    await open(server, { path }, path)
  }
}

/** Whether the file is a socket that no process listens on: a killed process leaves its socket file behind. */
async function isLeftBehind(path: string): Promise<boolean> {
  const stats = await lstat(path)
  if (!stats.isSocket()) return false
  return new Promise((resolve) => {
    const probe = connect({ path })
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED')
    })
  })
}

function open(server: Server, options: ListenOptions, target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      server.off('listening', onListening)
      reject(new ListenError(codes.get(error.code ?? '') ?? 'failed', target, error))
    }
    const onListening = (): void => {
      server.off('error', onError)
      resolve()
    }
    server.once('error', onError).once('listening', onListening)
    server.listen(options)
  })
}

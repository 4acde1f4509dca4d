/** A socket that the service manager has opened for this process. */
export interface ActivationSocket {
  readonly fd: number
  /** `FileDescriptorName=` of the socket unit; undefined where it has none. */
  readonly name: string | undefined
}

/** The first of them, by the protocol. */
const firstDescriptor = 3

/**
 * The sockets of systemd's socket activation (`LISTEN_FDS`), to be listened on: `listen: activationSockets()[0]`. So a
 * service binds a port below 1024 without rights, starts when the first client comes, and loses none in a restart.
 *
 * @returns an empty list where the process was started in another way.
 * @example
 * ```ts
 * import { activationSockets } from '@sse-toolkit/http-core/node'
 *
 * const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:admin' }
 * activationSockets(env, 7).length // 2
 * ```
 * @see https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
 */
export function activationSockets(
  env: Readonly<Record<string, string | undefined>> = process.env,
  pid: number = process.pid,
): readonly ActivationSocket[] {
  const count = Number(env['LISTEN_FDS'])
  // Without the check of the process id, a child would take the sockets of its parent for its own.
  if (Number(env['LISTEN_PID']) !== pid || !(Number.isSafeInteger(count) && count > 0)) return []
  const names = env['LISTEN_FDNAMES']?.split(':') ?? []
  return Array.from({ length: count }, (_, index) => ({
    fd: firstDescriptor + index,
    name: names[index] === undefined || names[index] === '' ? undefined : names[index],
  }))
}

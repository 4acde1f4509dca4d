/** A socket that the service manager opened for this process. */
export interface ActivationSocket {
  readonly fd: number
  /** `FileDescriptorName=` of the socket unit; undefined where it has none. */
  readonly name: string | undefined
}

/** The protocol passes the sockets in consecutive descriptors, starting at this one. */
const firstDescriptor = 3

/**
 * Lists the sockets that systemd opened for this process (socket activation, `LISTEN_FDS`). Listen on one with
 * `listen: activationSockets()[0]`.
 *
 * With socket activation, a service can use a port below 1024 without extra privileges, starts when the first client
 * connects, and loses no connection during a restart.
 *
 * @returns an empty list if systemd passed no sockets to this process.
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
  // Without this check, a child process would use its parent's sockets.
  if (Number(env['LISTEN_PID']) !== pid || !(Number.isSafeInteger(count) && count > 0)) return []
  const names = env['LISTEN_FDNAMES']?.split(':') ?? []
  return Array.from({ length: count }, (_, index) => ({
    fd: firstDescriptor + index,
    name: names[index] === undefined || names[index] === '' ? undefined : names[index],
  }))
}

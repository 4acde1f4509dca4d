import { statfsSync } from 'node:fs'
import { platform } from 'node:os'
import { LogFileError } from '../errors/log-file-error.ts'

// The `f_type` of statfs(2) on Linux: file systems that other machines may mount, too.
const sharedFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff53_4d42, 'SMB'],
  [0xfe53_4d42, 'SMB'],
  [0x0102_1997, '9P'],
  [0x5346_414f, 'AFS'],
  [0x0bd0_0bd0, 'Lustre'],
  [0x00c3_6400, 'Ceph'],
  [0x786f_4256, 'a folder shared with a virtual machine'],
])

// A user-space file system may be local or remote.
const fuse = 0x6573_5546

/**
 * Refuses file systems on which SQLite's locks and shared memory do not hold.
 *
 * @param warn - Called with the error if the file system cannot be identified.
 * @throws {@link LogFileError}
 */
export function checkFileSystem(path: string, directory: string, warn: (error: LogFileError) => void): void {
  if (platform() !== 'linux') return
  // Signed on some platforms.
  const type = statfsSync(directory).type >>> 0
  const name = sharedFileSystems.get(type)
  if (name !== undefined) {
    throw new LogFileError(
      'network-file-system',
      path,
      `expected a local file system, got ${name}, on which SQLite's locks do not hold. Use a local disk, or a log on Redis.`,
    )
  }
  if (type === fuse) {
    warn(
      new LogFileError(
        'network-file-system',
        path,
        'the file is on a FUSE file system. If that is a network or a virtual machine’s share, use a local disk.',
      ),
    )
  }
}

import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { open, readdir, realpath, rename, rm, stat, unlink } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { checkChoice } from '../../options/check-options.ts'
import { OptionError } from '../../errors/option-error.ts'
import type { FileTree } from './file-tree.ts'

const chunkBytes = 65_536

/** See {@link directoryTree}. */
export interface DirectoryTreeOptions {
  /**
   * `'inside'` follows only symbolic links that stay within the directory; `'follow'` follows all.
   *
   * @defaultValue `'inside'`
   */
  readonly symbolicLinks?: 'inside' | 'follow'
}

/**
 * Creates a {@link FileTree} of the files below a directory on disk.
 *
 * The tree opens a file when its content is first read, reads one chunk at a time, and closes the file at the end. It
 * writes an upload to a temporary file in the same directory and then renames that file, so that clients never read an
 * incomplete upload.
 *
 * @throws {@link OptionError} naming the option.
 */
export function directoryTree(
  root: string,
  { symbolicLinks = 'inside' }: DirectoryTreeOptions = {},
): FileTree {
  if (typeof root !== 'string' || root === '') throw new OptionError('root', root, 'the path of a directory')
  checkChoice('symbolicLinks', symbolicLinks, ['inside', 'follow'])
  const at = (path: readonly string[]): string => join(root, ...path)

  /** The real path; undefined if nothing exists there, or if a link leads out of the directory. */
  const locate = async (path: readonly string[]): Promise<string | undefined> => {
    try {
      const real = await realpath(at(path))
      if (symbolicLinks === 'follow') return real
      const realRoot = await realpath(root)
      const prefix = realRoot.endsWith(sep) ? realRoot : realRoot + sep
      return real === realRoot || real.startsWith(prefix) ? real : undefined
    } catch (error) {
      if (isAbsence(error)) return undefined
      throw error
    }
  }

  return {
    async stat(path) {
      const real = await locate(path)
      if (real === undefined) return undefined
      const stats = await stat(real)
      if (stats.isDirectory()) return { kind: 'directory' }
      // No devices or pipes: reading them may never end.
      if (!stats.isFile()) return undefined
      const etag = `"${stats.size.toString(16)}-${Math.trunc(stats.mtimeMs).toString(16)}-${stats.ino.toString(16)}"`
      return { kind: 'file', sizeBytes: stats.size, modifiedAt: stats.mtimeMs, etag }
    },

    read(path, range) {
      let file: Awaited<ReturnType<typeof open>> | undefined
      let position = range?.start ?? 0
      const end = range === undefined ? Infinity : range.end + 1
      return new ReadableStream(
        {
          async pull(controller) {
            if (file === undefined) {
              const real = await locate(path)
              if (real === undefined) throw new Error('The file no longer exists')
              file = await open(real, 'r')
            }
            try {
              const chunk = new Uint8Array(Math.min(chunkBytes, end - position))
              const { bytesRead } =
                chunk.length === 0 ? { bytesRead: 0 } : await file.read(chunk, 0, chunk.length, position)
              position += bytesRead
              if (bytesRead > 0) {
                controller.enqueue(chunk.subarray(0, bytesRead))
                return
              }
            } catch (error) {
              await file.close()
              throw error
            }
            await file.close()
            controller.close()
          },
          async cancel() {
            await file?.close()
          },
        },
        { highWaterMark: 0 },
      )
    },

    async list(path) {
      const real = await locate(path)
      return real === undefined ? [] : readdir(real)
    },

    async write(path, content) {
      const directory = await locate(path.slice(0, -1))
      if (directory === undefined) throw new Error('The directory does not exist')
      const target = join(directory, path.at(-1) ?? '')
      const temporary = join(directory, `.${randomUUID()}.upload`)
      const isThere = (await locate(path)) !== undefined
      try {
        await pipeline(content, createWriteStream(temporary, { flags: 'wx' }))
        await rename(temporary, target)
      } catch (error) {
        await rm(temporary, { force: true })
        throw error
      }
      return isThere ? 'replaced' : 'created'
    },

    async remove(path) {
      const directory = await locate(path.slice(0, -1))
      if (directory === undefined) return false
      try {
        await unlink(join(directory, path.at(-1) ?? ''))
        return true
      } catch (error) {
        if (isAbsence(error)) return false
        throw error
      }
    },
  }
}

/** Whether the error means that nothing exists there, or that the path is not valid on this system. */
function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR', 'EPERM'].includes(code)
}

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
  /** `'follow'` also follows symbolic links that lead out of the directory. @defaultValue `'inside'` */
  readonly symbolicLinks?: 'inside' | 'follow'
}

/**
 * The files below a directory of the disk.
 *
 * A file is opened when its content is read, one chunk at a time, and closed with it. An upload is written next to its
 * place and renamed into it, so that half of it is never read.
 *
 * @throws {@link OptionError} which names the option.
 */
export function directoryTree(
  root: string,
  { symbolicLinks = 'inside' }: DirectoryTreeOptions = {},
): FileTree {
  if (typeof root !== 'string' || root === '') throw new OptionError('root', root, 'the path of a directory')
  checkChoice('symbolicLinks', symbolicLinks, ['inside', 'follow'])
  const at = (path: readonly string[]): string => join(root, ...path)

  /** The real path of what is there; undefined where there is nothing, or a link has led out. */
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
      // Neither devices nor pipes: reading them may never end.
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
              if (real === undefined) throw new Error('The file is gone')
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
      if (directory === undefined) throw new Error('There is no such directory')
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

/** Nothing is there, a part of the path is not a directory, or the name is not valid for the system. */
function isAbsence(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP', 'EISDIR', 'EPERM'].includes(code)
}

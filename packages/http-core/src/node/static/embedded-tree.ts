import { createHash } from 'node:crypto'
import { OptionError } from '../../errors/option-error.ts'
import type { FileTree, TreeEntry } from './file-tree.ts'

/** A file: its content (bytes, or text that is served as UTF-8), or an object with the content and its modification time. */
export type EmbeddedFile =
  | string
  | Uint8Array
  | {
      readonly content: string | Uint8Array
      /** Milliseconds since 1970. @defaultValue `modifiedAt` of the tree */
      readonly modifiedAt?: number
    }

/**
 * Creates a {@link FileTree} of files that are part of the program. The keys of `files` are paths such as `css/main.css`;
 * directories follow from the paths.
 *
 * @param modifiedAt - The `Last-Modified` of files without their own time, in milliseconds since 1970. The default is 0.
 * @throws {@link OptionError} if a path has an empty name, `.` or `..`, if a path is both a file and a directory, if content
 *   is neither a string nor bytes, or if a time is not a valid number.
 * @example
 * ```ts
 * import { embeddedTree, serveDirectory } from '@sse-toolkit/http-core/static'
 *
 * const site = serveDirectory(embeddedTree({ 'index.html': '<h1>Hello</h1>' }))
 * typeof site // 'function'
 * ```
 */
export function embeddedTree(files: Readonly<Record<string, EmbeddedFile>>, modifiedAt = 0): FileTree {
  checkTime('modifiedAt', modifiedAt)
  const contents = new Map<string, Buffer>()
  const entries = new Map<string, TreeEntry>([['', { kind: 'directory' }]])
  const names = new Map<string, Set<string>>([['', new Set()]])
  for (const [path, file] of Object.entries(files)) {
    const segments = path.split('/')
    if (segments.some((name) => name === '' || name === '.' || name === '..')) {
      throw new OptionError('files', path, 'paths such as css/main.css')
    }
    const given = typeof file === 'string' || file instanceof Uint8Array ? { content: file } : file
    const content = bytesOf(path, given?.content)
    const { modifiedAt: changedAt = modifiedAt } = given
    checkTime(`files.${path}.modifiedAt`, changedAt)
    if (entries.has(path))
      throw new OptionError('files', path, 'paths that are a file or a directory, not both')
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    contents.set(path, content)
    entries.set(path, { kind: 'file', sizeBytes: content.length, modifiedAt: changedAt, etag })
    for (const [depth, name] of segments.entries()) {
      const directory = segments.slice(0, depth).join('/')
      if (entries.get(directory)?.kind === 'file') {
        throw new OptionError('files', directory, 'paths that are a file or a directory, not both')
      }
      entries.set(directory, { kind: 'directory' })
      const inside = names.get(directory) ?? new Set()
      names.set(directory, inside.add(name))
    }
  }
  return {
    stat: (path) => Promise.resolve(entries.get(path.join('/'))),
    read(path, range) {
      const content = contents.get(path.join('/')) ?? Buffer.alloc(0)
      const part = range === undefined ? content : content.subarray(range.start, range.end + 1)
      return new ReadableStream({
        pull(controller) {
          if (part.length > 0) controller.enqueue(new Uint8Array(part))
          controller.close()
        },
      })
    },
    list: (path) => Promise.resolve([...(names.get(path.join('/')) ?? [])]),
  }
}

function bytesOf(path: string, content: unknown): Buffer {
  if (typeof content === 'string') return Buffer.from(content)
  if (content instanceof Uint8Array) return Buffer.from(content)
  throw new OptionError(`files.${path}`, content, 'text or bytes')
}

function checkTime(option: string, value: unknown): void {
  if (typeof value !== 'number' || Number.isNaN(new Date(value).getTime())) {
    throw new OptionError(option, value, 'milliseconds since 1970')
  }
}

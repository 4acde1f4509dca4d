import { createHash } from 'node:crypto'
import { OptionError } from '../../errors/option-error.ts'
import type { FileTree, TreeEntry } from './file-tree.ts'

/** The content of a file: text as UTF-8, or bytes. */
export type EmbeddedFile = string | Uint8Array

/**
 * Files that are part of the program, by their paths. The directories are those that the paths name.
 *
 * @param modifiedAt - What `Last-Modified` says of all of them, in milliseconds since the epoch. Default 0.
 * @throws {@link OptionError} for a path with an empty name, `.` or `..`, and a time that is no number.
 * @example
 * ```ts
 * import { embeddedTree, serveDirectory } from '@sse-toolkit/http-core/static'
 *
 * const site = serveDirectory(embeddedTree({ 'index.html': '<h1>Hello</h1>' }))
 * typeof site // 'function'
 * ```
 */
export function embeddedTree(files: Readonly<Record<string, EmbeddedFile>>, modifiedAt = 0): FileTree {
  if (!Number.isFinite(modifiedAt)) throw new OptionError('modifiedAt', modifiedAt, 'milliseconds')
  const contents = new Map<string, Buffer>()
  const entries = new Map<string, TreeEntry>([['', { kind: 'directory' }]])
  const names = new Map<string, Set<string>>([['', new Set()]])
  for (const [path, file] of Object.entries(files)) {
    const segments = path.split('/')
    if (segments.some((name) => name === '' || name === '.' || name === '..')) {
      throw new OptionError('files', path, 'paths such as css/main.css')
    }
    const content = Buffer.from(file as string)
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    contents.set(path, content)
    entries.set(path, { kind: 'file', sizeBytes: content.length, modifiedAt, etag })
    for (const [depth, name] of segments.entries()) {
      const directory = segments.slice(0, depth).join('/')
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

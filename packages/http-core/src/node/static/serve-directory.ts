import { contentType } from 'mime-types'
import type { RouteContext } from '../../request/context.ts'
import {
  checkBodyLimit,
  checkChoice,
  checkFieldValue,
  checkList,
  checkMethods,
} from '../../options/check-options.ts'
import { bodyLimitSymbol } from '../../request/body-limit.ts'
import { segmentsOf } from '../../routing/route.ts'
import { HttpError } from '../../errors/http-error.ts'
import { OptionError } from '../../errors/option-error.ts'
import { directoryTree } from './directory-tree.ts'
import type { FileTree, TreeEntry } from './file-tree.ts'
import { listing } from './listing.ts'
import type { ListedEntry } from './listing.ts'
import { isChanged, isFresh, lastModified, rangeOf } from './preconditions.ts'

/** See {@link serveDirectory}. */
export interface ServeDirectoryOptions {
  /** GET and HEAD of files. @defaultValue `'on'` */
  readonly downloads?: 'on' | 'off'
  /** PUT: 201 for a new file, 204 for one that is replaced. @defaultValue `'off'`: 405 */
  readonly uploads?: 'on' | 'off'
  /** One upload, in bytes; then 413. A `maxBodyBytes` of the route comes before it. @defaultValue that of the server */
  readonly maxUploadBytes?: number
  /** DELETE of files: 204. @defaultValue `'off'`: 405 */
  readonly deletes?: 'on' | 'off'
  /**
   * What a directory is: its `index` file if it has one, a list of what is in it, not there (404), or forbidden (403).
   *
   * @defaultValue `'index'`
   */
  readonly directories?: 'index' | 'list' | 'index-or-list' | 'hidden' | 'forbidden'
  /** @defaultValue `index.html` */
  readonly index?: string
  /** Names that begin with a dot: not there (the default), or as any other. */
  readonly dotfiles?: 'hide' | 'serve'
  /** Paths, such as `secret/key.pem`, that are not there for anybody. */
  readonly forbidden?: readonly RegExp[]
  /** The `cache-control` of files. @defaultValue none */
  readonly cacheControl?: string
}

/** A handler of a route whose pattern ends in `**`, or in `**:path`. */
export type DirectoryHandler = (request: Request, context: RouteContext) => Promise<Response>

const listedAtMost = 10_000

/**
 * Serves files: those below a directory, or a {@link FileTree} of one's own.
 *
 * With ETag, Last-Modified, conditions and ranges. A path with `..`, a backslash, a NUL, or a slash in a name is 404, and
 * so is whatever is hidden. The media type goes by the name, and browsers are told not to guess (`nosniff`).
 *
 * The path below the mount is what the last parameter of the route took, or a final `**`. `/files/**` is the directory
 * and all below it, `/files/**:path` what is below it alone, `/files` itself alone. In the fallback it is the whole path.
 *
 * @param root - The path of a directory, or a tree.
 * @throws {@link OptionError} which names the option.
 * @example
 * ```ts no-run
 * import { createRouter } from '@sse-toolkit/http-core'
 * import { createServer } from '@sse-toolkit/http-core/node'
 * import { serveDirectory } from '@sse-toolkit/http-core/static'
 *
 * const router = createRouter()
 * router.get('/**', serveDirectory('public'))
 * await createServer({ fetch: router.fetch }).listen()
 * ```
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-13
 */
export function serveDirectory(
  root: string | FileTree,
  options: ServeDirectoryOptions = {},
): DirectoryHandler {
  checkOptions(options)
  const tree = typeof root === 'object' ? root : directoryTree(root)
  checkMethods('root', tree, ['stat', 'read', 'list'], 'the path of a directory, or a FileTree')
  const { downloads = 'on', uploads = 'off', deletes = 'off' } = options
  if (uploads === 'on' && tree.write === undefined)
    throw new OptionError('uploads', uploads, "'off' for a tree without write")
  if (deletes === 'on' && tree.remove === undefined) {
    throw new OptionError('deletes', deletes, "'off' for a tree without remove")
  }
  const methods = [
    ...(downloads === 'on' ? ['GET', 'HEAD'] : []),
    ...(uploads === 'on' ? ['PUT'] : []),
    ...(deletes === 'on' ? ['DELETE'] : []),
  ]
  const handler: DirectoryHandler = async (request, context) => {
    if (!methods.includes(request.method)) {
      throw new HttpError(405, undefined, { headers: { allow: methods.join(', ') } })
    }
    // The parameter is decoded: what was a slash in a name is a separator in it, and would pass by the routes that guard a
    // directory.
    const { pathname } = new URL(request.url)
    const path = /%2f/i.test(pathname) ? undefined : visiblePath(restOf(pathname, context), options)
    if (path === undefined) throw new HttpError(404)
    if (request.method === 'PUT') return upload(tree, request, path)
    if (request.method === 'DELETE') return remove(tree, request, path)
    return download(tree, request, path, options)
  }
  const { maxUploadBytes } = options
  return maxUploadBytes === undefined
    ? handler
    : Object.assign(handler, { [bodyLimitSymbol]: maxUploadBytes })
}

/**
 * What lies below the mount, by the last segment of the route:
 *
 *     /files          the directory itself
 *     /files/**:path  what the parameter took; so does /files/:name
 *     /files/**       the rest of the path, which has no name; without a route, as in the fallback, all of it
 */
function restOf(pathname: string, { params, route }: RouteContext): unknown {
  const segments = route === undefined ? [] : segmentsOf(route)
  const last = segments.at(-1)
  if (last?.kind === 'param' || last?.kind === 'rest') return params[last.name]
  if (route !== undefined && last?.kind !== 'anything') return ''
  const mounted = route === undefined ? 0 : segments.length - 1
  const rest = pathname.split('/').slice(mounted + 1)
  try {
    return decodeURIComponent(rest.join('/'))
  } catch (error) {
    throw new HttpError(400, 'The path is not percent-encoded correctly.', { cause: error })
  }
}

/** The names of the path, if somebody may see them. */
function visiblePath(
  rest: unknown,
  { dotfiles = 'hide', forbidden = [] }: ServeDirectoryOptions,
): readonly string[] | undefined {
  if (typeof rest !== 'string') return undefined
  const path = rest.split('/')
  // One slash at the end makes no difference. A name in between is never empty: `/files//private` would pass by the routes
  // that guard `/files/private`.
  if (path.at(-1) === '') path.pop()
  const isPossible = path.every((name) => !['', '.', '..'].includes(name) && !/[\0\\/]/.test(name))
  const isHidden = dotfiles === 'hide' && path.some((name) => name.startsWith('.'))
  const isForbidden = forbidden.some((pattern) => path.join('/').search(pattern) !== -1)
  return isPossible && !isHidden && !isForbidden ? path : undefined
}

async function download(
  tree: FileTree,
  request: Request,
  path: readonly string[],
  options: ServeDirectoryOptions,
): Promise<Response> {
  const { directories = 'index', index = 'index.html' } = options
  const entry = await tree.stat(path)
  if (entry?.kind === 'file') return sendFile(tree, request, path, entry, options)
  if (entry === undefined || directories === 'hidden') throw new HttpError(404)
  if (directories === 'forbidden') throw new HttpError(403)
  const url = new URL(request.url)
  if (!url.pathname.endsWith('/')) {
    // Or what the page refers to would be looked for one directory too high. Never `//host`: that would lead away.
    const location = `${url.pathname.replace(/^\/+/, '/')}/${url.search}`
    return new Response(null, { status: 308, headers: { location } })
  }
  if (directories !== 'list') {
    const indexPath = [...path, index]
    const file = await tree.stat(indexPath)
    if (file?.kind === 'file') return sendFile(tree, request, indexPath, file, options)
    if (directories === 'index') throw new HttpError(404)
  }
  return listing(request, path, await entriesOf(tree, path, options))
}

async function entriesOf(
  tree: FileTree,
  path: readonly string[],
  options: ServeDirectoryOptions,
): Promise<readonly ListedEntry[]> {
  const names = (await tree.list(path)).toSorted().slice(0, listedAtMost)
  const visible = names.filter((name) => visiblePath([...path, name].join('/'), options) !== undefined)
  const entries = await Promise.all(visible.map((name) => tree.stat([...path, name])))
  return visible.flatMap((name, at): ListedEntry[] => {
    const entry = entries[at]
    if (entry === undefined) return []
    return entry.kind === 'directory'
      ? [{ name, kind: 'directory' }]
      : [{ name, kind: 'file', sizeBytes: entry.sizeBytes }]
  })
}

function sendFile(
  tree: FileTree,
  request: Request,
  path: readonly string[],
  file: Extract<TreeEntry, { kind: 'file' }>,
  { cacheControl }: ServeDirectoryOptions,
): Response {
  if (isChanged(request, file)) throw new HttpError(412)
  const type = contentType(path.at(-1) ?? '')
  const headers: Record<string, string> = {
    etag: file.etag,
    'last-modified': lastModified(file),
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
    ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
  }
  if (isFresh(request, file)) return new Response(null, { status: 304, headers })
  headers['content-type'] = type === false ? 'application/octet-stream' : type
  const range = rangeOf(request, file)
  if (range === 'unsatisfiable') {
    throw new HttpError(416, undefined, { headers: { 'content-range': `bytes */${file.sizeBytes}` } })
  }
  const length = range === undefined ? file.sizeBytes : range.end - range.start + 1
  headers['content-length'] = String(length)
  if (range !== undefined) headers['content-range'] = `bytes ${range.start}-${range.end}/${file.sizeBytes}`
  // As long as it was when its head was made: a file that grows while it is sent must not break the message.
  const whole = file.sizeBytes === 0 ? undefined : { start: 0, end: file.sizeBytes - 1 }
  const body = length === 0 ? null : tree.read(path, range ?? whole)
  return new Response(body, { status: range === undefined ? 200 : 206, headers })
}

async function upload(tree: FileTree, request: Request, path: readonly string[]): Promise<Response> {
  const directory = path.slice(0, -1)
  if (path.length === 0 || (await tree.stat(directory))?.kind !== 'directory') {
    throw new HttpError(409, 'There is no such directory.')
  }
  if (request.headers.has('content-range'))
    throw new HttpError(400, 'Content-Range is not supported: upload the whole file.')
  const present = await tree.stat(path)
  if (present?.kind === 'directory') throw new HttpError(409, 'There is a directory of that name.')
  if (isChanged(request, present)) throw new HttpError(412)
  const content = (request.body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>
  const outcome = await tree.write?.(path, content)
  return new Response(null, { status: outcome === 'created' ? 201 : 204 })
}

async function remove(tree: FileTree, request: Request, path: readonly string[]): Promise<Response> {
  const present = await tree.stat(path)
  if (present === undefined) throw new HttpError(404)
  if (present.kind === 'directory') throw new HttpError(409, 'A directory cannot be deleted.')
  if (isChanged(request, present)) throw new HttpError(412)
  if ((await tree.remove?.(path)) !== true) throw new HttpError(404)
  return new Response(null, { status: 204 })
}

const optionChoices: Readonly<Record<string, readonly string[]>> = {
  downloads: ['on', 'off'],
  uploads: ['on', 'off'],
  deletes: ['on', 'off'],
  directories: ['index', 'list', 'index-or-list', 'hidden', 'forbidden'],
  dotfiles: ['hide', 'serve'],
}

function checkOptions(options: ServeDirectoryOptions): void {
  for (const [option, choices] of Object.entries(optionChoices)) {
    checkChoice(option, options[option as keyof ServeDirectoryOptions], choices)
  }
  const { index = 'index.html' } = options
  if (typeof index !== 'string' || !/^[^\0\\/]+$/.test(index)) {
    throw new OptionError('index', index, 'the name of a file')
  }
  checkList('forbidden', options.forbidden, (item) => item instanceof RegExp, 'regular expressions')
  checkBodyLimit('maxUploadBytes', options.maxUploadBytes)
  checkFieldValue('cacheControl', options.cacheControl)
}

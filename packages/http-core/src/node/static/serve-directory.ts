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
  /** Whether clients may read files with GET and HEAD. @defaultValue `'on'` */
  readonly downloads?: 'on' | 'off'
  /** Whether clients may upload files with PUT: 201 for a new file, 204 for a replaced file. @defaultValue `'off'`: 405 */
  readonly uploads?: 'on' | 'off'
  /**
   * The maximum size of an upload, in bytes; then 413. `maxBodyBytes` of the route overrides this option.
   *
   * @defaultValue `maxBodyBytes` of the server
   */
  readonly maxUploadBytes?: number
  /** Whether clients may delete files with DELETE (204). @defaultValue `'off'`: 405 */
  readonly deletes?: 'on' | 'off'
  /**
   * How to answer a request for a directory.
   *
   * `'index'`: its `index` file, or 404 if it has none. `'list'`: a listing. `'index-or-list'`: its `index` file, or a
   * listing if it has none. `'hidden'`: 404. `'forbidden'`: 403.
   *
   * @defaultValue `'index'`
   */
  readonly directories?: 'index' | 'list' | 'index-or-list' | 'hidden' | 'forbidden'
  /** The name of the index file of a directory. @defaultValue `index.html` */
  readonly index?: string
  /** `'hide'`: a path with a name that begins with a dot is 404. `'serve'`: such a path is served. @defaultValue `'hide'` */
  readonly dotfiles?: 'hide' | 'serve'
  /** Patterns for paths that are never served (404), such as `secret/key.pem`. @defaultValue none */
  readonly forbidden?: readonly RegExp[]
  /** The `cache-control` of files. @defaultValue none */
  readonly cacheControl?: string
}

/** A handler for a route whose pattern ends in `**` or `**:path`. */
export type DirectoryHandler = (request: Request, context: RouteContext) => Promise<Response>

const listedAtMost = 10_000

/**
 * Creates a handler that serves the files below a directory, or of your own {@link FileTree}.
 *
 * The handler supports ETag, Last-Modified, conditional requests and ranges. It answers 404 if a name in the path is `..`
 * or contains a backslash, a NUL or an encoded slash, and for hidden files. The media type follows from the file's name,
 * and `nosniff` tells browsers not to guess another.
 *
 * The file's path is the part of the URL that the last parameter of the route, or a final `**`, matches. A route `/files/**`
 * serves the directory and everything below it, `/files/**:path` only what is below it, and `/files` only the directory
 * itself. In the fallback the file's path is the whole path of the URL.
 *
 * @param root - The path of a directory, or a tree.
 * @throws {@link OptionError} naming the option.
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
    // Decoding would turn an encoded slash into a separator, and so lead past routes that guard a directory.
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
 * The part of the path below the mount point, by the last segment of the route:
 *
 *     /files          empty: the directory itself
 *     /files/**:path  the value of the parameter; also for /files/:name
 *     /files/**       the rest of the path, which has no parameter name
 *     (fallback)      the whole path, since there is no route
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

/** The names of the path; undefined if the path must not be served. */
function visiblePath(
  rest: unknown,
  { dotfiles = 'hide', forbidden = [] }: ServeDirectoryOptions,
): readonly string[] | undefined {
  if (typeof rest !== 'string') return undefined
  const path = rest.split('/')
  // One slash at the end makes no difference. Names in between must not be empty: `/files//private` would lead past the
  // routes that guard `/files/private`.
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
    // Without the slash, relative links of the page would resolve one directory too high. `//host` would lead to another host.
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
  // Read exactly the announced length: a file that grows while it is sent must not break the message.
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

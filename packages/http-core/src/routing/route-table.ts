import { addRoute, createRouter as createTree, findAllRoutes, findRoute } from 'rou3'
import type { MatchedRoute } from 'rou3'
import type { Handler, StagedMiddleware } from '../middleware/middleware.ts'
import type { ParamCodec } from './param-codec.ts'
import { matcherPattern } from './route-pattern.ts'
import { segmentsOf } from './route.ts'
import type { RegisteredRoute, RouterOptions } from './router-types.ts'

/** The method name with which rou3 matches any method. */
export const anyMethod = ''

/** One registered route. */
export interface Entry extends RegisteredRoute {
  /** The method as rou3 takes it: {@link anyMethod} for `all()`. */
  readonly matched: string
  readonly handler: Handler
  readonly maxBodyBytes: number | undefined
  readonly middlewares: readonly StagedMiddleware[]
  readonly params: readonly { readonly name: string; readonly codec: ParamCodec<unknown> }[]
  /** Whether the pattern ends in a bare `**`. rou3 adds a parameter for its text, which our params leave out. */
  readonly hasUnnamed: boolean
  /** The method and the pattern's shape. A later registration with the same key replaces an earlier one. */
  readonly key: string
}

/** An entry of the tree: a registered route with its middlewares applied. */
export interface Compiled {
  readonly entry: Entry
  readonly run: Handler
  /** The automatic answer to OPTIONS, inside the same middlewares, so that they can answer a CORS preflight. */
  readonly runOptions: Handler
}

/** The routes of one router, matched by method and path. */
export interface RouteTable {
  /** The routes in effect, in the order of registration. */
  readonly routes: readonly Entry[]
  find(method: string, path: string): MatchedRoute<Compiled> | undefined
  /** The methods for which the path has a route, for `Allow`. */
  allowed(path: string): string[]
}

/** Puts the routes into a tree. */
export function makeRouteTable(
  entries: readonly Entry[],
  precedence: NonNullable<RouterOptions['precedence']>,
  compile: (entry: Entry) => Compiled,
): RouteTable {
  // Insert the latest first: among equals rou3 picks the first, but the last registered should win.
  const latest = new Map(entries.map((entry) => [entry.key, entry]))
  const effective = entries.filter((entry) => latest.get(entry.key) === entry).toReversed()
  const tree = createTree<Compiled>()
  const compiled = effective.map(compile)
  const insert = (method: string, item: Compiled): void => {
    const { route } = item.entry
    addRoute(tree, method, matcherPattern(segmentsOf(route), route.codecs), item)
  }
  for (const item of compiled) insert(item.entry.matched, item)
  // After all registered routes, so that an automatic HEAD never replaces a registered one.
  for (const item of compiled) if (item.entry.matched === 'GET') insert('HEAD', item)
  const methods = new Set(effective.map((entry) => entry.matched))
  if (methods.delete('GET')) methods.add('GET').add('HEAD')
  methods.delete(anyMethod)
  const allMethods = [...methods].toSorted()

  const places = new Map(entries.map((entry, place) => [entry, place]))
  const placeOf = ({ data }: MatchedRoute<Compiled>): number => places.get(data.entry) ?? -1
  const findLatest = (method: string, path: string): MatchedRoute<Compiled> | undefined => {
    const matches = findAllRoutes(tree, method, path)
    const own = matches.filter(({ data }) => data.entry.matched === method)
    // A GET route answers HEAD only if no HEAD route matches.
    const candidates =
      method === 'HEAD' && own.length > 0
        ? matches.filter(({ data }) => data.entry.matched !== 'GET')
        : matches
    return candidates.toSorted((a, b) => placeOf(b) - placeOf(a))[0]
  }

  return {
    routes: effective.toReversed(),
    find: precedence === 'latest' ? findLatest : (method, path) => findRoute(tree, method, path),
    allowed(path) {
      const found = allMethods.filter(
        (method) => findRoute(tree, method, path, { params: false }) !== undefined,
      )
      return found.length === 0 || found.includes('OPTIONS') ? found : [...found, 'OPTIONS']
    },
  }
}

/** The parameters of a match, converted by their codecs. */
export function readParams({
  data: { entry },
  params: matched,
}: MatchedRoute<Compiled>): Readonly<Record<string, unknown>> | 'malformed' | 'no-value' {
  // rou3 creates this object for each match, so it can be changed.
  const params: Record<string, unknown> = matched ?? {}
  for (const { name, codec } of entry.params) {
    let value: unknown
    try {
      // A parameter is only missing if it is an empty rest (`**:path?`).
      value = codec.parse((params[name] as string | undefined) ?? '')
    } catch (error) {
      if (error instanceof URIError) return 'malformed'
      throw error
    }
    if (value === undefined) return 'no-value'
    params[name] = value
  }
  if (entry.hasUnnamed) {
    delete params['0']
    delete params['_']
  }
  return params
}

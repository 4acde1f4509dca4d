import { addRoute, createRouter as createTree, findAllRoutes, findRoute } from 'rou3'
import type { MatchedRoute } from 'rou3'
import type { Handler, StagedMiddleware } from '../middleware/middleware.ts'
import type { ParamCodec } from './param-codec.ts'
import { matcherPattern } from './route-pattern.ts'
import { segmentsOf } from './route.ts'
import type { RegisteredRoute, RouterOptions } from './router-types.ts'

/** rou3's name for "whatever the method". */
export const anyMethod = ''

/** One registration. */
export interface Entry extends RegisteredRoute {
  /** As rou3 takes it. */
  readonly matched: string
  readonly handler: Handler
  readonly maxBodyBytes: number | undefined
  readonly middlewares: readonly StagedMiddleware[]
  readonly params: readonly { readonly name: string; readonly codec: ParamCodec<unknown> }[]
  /** rou3 also names what a bare `**` took; our params do not. */
  readonly hasUnnamed: boolean
  /** Method and shape: a later registration with the same key takes the place of an earlier one. */
  readonly key: string
}

/** A registration inside its middlewares, as the tree holds it. */
export interface Compiled {
  readonly entry: Entry
  readonly run: Handler
  /** The automatic answer to OPTIONS inside the same middlewares: a CORS preflight is theirs to answer. */
  readonly runOptions: Handler
}

/** The routes of one router, matched by method and path. */
export interface RouteTable {
  /** Those in effect, in the order they were registered. */
  readonly routes: readonly Entry[]
  find(method: string, path: string): MatchedRoute<Compiled> | undefined
  /** The methods that the path has, for `Allow`. */
  allowed(path: string): string[]
}

/** Puts the routes into a tree. */
export function makeRouteTable(
  entries: readonly Entry[],
  precedence: NonNullable<RouterOptions['precedence']>,
  compile: (entry: Entry) => Compiled,
): RouteTable {
  // Latest first: rou3 lets the first of equals win, we the last.
  const latest = new Map(entries.map((entry) => [entry.key, entry]))
  const effective = entries.filter((entry) => latest.get(entry.key) === entry).toReversed()
  const tree = createTree<Compiled>()
  const compiled = effective.map(compile)
  const insert = (method: string, item: Compiled): void => {
    const { route } = item.entry
    addRoute(tree, method, matcherPattern(segmentsOf(route), route.codecs), item)
  }
  for (const item of compiled) insert(item.entry.matched, item)
  // After all that was registered: an automatic HEAD never takes the place of a real one.
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
    // A GET route answers HEAD only where HEAD has no route of its own.
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

/** The parameters of a match, as their codecs give them. */
export function readParams({
  data: { entry },
  params: matched,
}: MatchedRoute<Compiled>): Readonly<Record<string, unknown>> | 'malformed' | 'no-value' {
  // rou3 made the object for this match alone.
  const params: Record<string, unknown> = matched ?? {}
  for (const { name, codec } of entry.params) {
    let value: unknown
    try {
      // Only a rest that may be empty can be missing.
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

const names = ['meta', 'log', 'index', 'gone', 'finite', 'ends', 'due', 'expired', 'writers', 'alive']

/** One hash tag: on a cluster all that a hub has is on one node, since a script sees no more. */
export function keysOf(namespace: string): readonly string[] {
  return names.map((name) => `{${namespace}}:${name}`)
}

/** A sharded channel, of the same slot. */
export function channelOf(namespace: string): string {
  return `{${namespace}}:events`
}

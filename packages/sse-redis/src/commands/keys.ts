const names = ['meta', 'log', 'index', 'gone', 'finite', 'ends', 'due', 'expired', 'writers', 'alive']

/** All have one hash tag, because a script can only use keys on one node of a cluster. */
export function keysOf(namespace: string): readonly string[] {
  return names.map((name) => `{${namespace}}:${name}`)
}

/** The sharded channel, in the same slot as the keys. */
export function channelOf(namespace: string): string {
  return `{${namespace}}:events`
}

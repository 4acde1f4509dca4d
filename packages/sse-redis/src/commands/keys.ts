/**
 * The version of what the keys hold, written into `meta`. It rises with every change that a release before it would
 * misunderstand.
 */
export const keysVersion = '2'

const names = [
  'meta',
  'log',
  'index',
  'gone',
  'held',
  'finite',
  'ends',
  'ended',
  'due',
  'expired',
  'writers',
  'alive',
  'producers',
  'batches',
  'controls',
  'lapses',
]

/** All have one hash tag, because a script can only use keys on one node of a cluster. */
export function keysOf(namespace: string): readonly string[] {
  return names.map((name) => `{${namespace}}:${name}`)
}

/** The sharded channel, in the same slot as the keys. */
export function channelOf(namespace: string): string {
  return `{${namespace}}:events`
}

/** How the tabs of this browser come by the stream. */
export type Sharing =
  /** Each page has a connection of its own: no Web Locks, as on plain http beyond localhost. */
  | { readonly kind: 'impossible' }
  | {
      readonly kind: 'shared'
      /** The tabs that share the stream, including this one. 0 without a stream. */
      readonly tabs: number
      readonly isHolder: boolean
    }

export interface TabCensus {
  readonly latest: Sharing
}

const INTERVAL_MS = 1_000

/**
 * Counts who shares the connection, as the browser knows it: the client's tabs hold, or wait for, one Web Lock, whose name
 * ends with the stream's URL.
 *
 * @param onChange - Called when one joined or left, or another one holds the connection.
 */
export function createTabCensus(path: string, onChange: (now: Sharing, before: Sharing) => void): TabCensus {
  let latest: Sharing = { kind: 'impossible' }
  if (!('locks' in navigator)) return { latest }
  const { href } = new URL(path, document.baseURI)
  // A lock that only this page holds identifies its client among the others.
  const ownName = `tab ${crypto.randomUUID()}`
  void navigator.locks.request(ownName, () => new Promise(() => {}))

  async function count(): Promise<void> {
    const { held = [], pending = [] } = await navigator.locks.query()
    const self = held.find(({ name }) => name === ownName)?.clientId
    const ofStream = ({ name }: LockInfo): boolean => name?.endsWith(href) ?? false
    const holder = held.find(ofStream)
    const now: Sharing = {
      kind: 'shared',
      tabs: (holder ? 1 : 0) + pending.filter(ofStream).length,
      isHolder: holder !== undefined && holder.clientId === self,
    }
    const before = latest
    latest = now
    if (before.kind !== 'shared' || before.tabs !== now.tabs || before.isHolder !== now.isHolder)
      onChange(now, before)
  }

  void count()
  setInterval(() => void count(), INTERVAL_MS)
  return {
    get latest() {
      return latest
    },
  }
}

export function describeSharing(sharing: Sharing): string {
  if (sharing.kind === 'impossible') return 'no other tab (plain http)'
  const { tabs, isHolder } = sharing
  if (tabs === 0) return '\u2013'
  if (tabs === 1) return 'this tab alone'
  return `${tabs} tabs; ${isHolder ? 'this' : 'another'} one holds it`
}

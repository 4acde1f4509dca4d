import type { TabChannel } from './tab-channel.ts'

type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The network of this browser's stream, in all of its tabs: off, its requests fail, and what is open breaks. */
export interface NetworkSwitch {
  readonly isOn: boolean
  turn(on: boolean): void
  /** @param listener - Hears who turned it: this tab, or another. */
  onTurn(listener: (turnedBy: 'this-tab' | 'another-tab') => void): void
  readonly fetch: Fetch
}

export function createNetworkSwitch(tabs: TabChannel): NetworkSwitch {
  const listeners: ((turnedBy: 'this-tab' | 'another-tab') => void)[] = []
  let off = new AbortController()
  let isOn = true

  function apply(on: boolean, turnedBy: 'this-tab' | 'another-tab'): void {
    if (on === isOn) return
    isOn = on
    if (!on) off.abort(new TypeError('this browser is offline'))
    else {
      off = new AbortController()
      // As the browser says it: whichever tab holds the connection does not wait any longer.
      dispatchEvent(new Event('online'))
    }
    for (const listener of listeners) listener(turnedBy)
  }

  tabs.on('network', (news) => apply(news.isOn, 'another-tab'))
  // Only the tabs keep this state, so it ends when the last tab is closed.
  tabs.on('opened', () => {
    if (!isOn) tabs.post({ kind: 'network', isOn })
  })
  tabs.post({ kind: 'opened' })

  return {
    get isOn() {
      return isOn
    },
    turn(on) {
      tabs.post({ kind: 'network', isOn: on })
      apply(on, 'this-tab')
    },
    onTurn: (listener) => void listeners.push(listener),
    fetch: (url, init) =>
      fetch(url, {
        ...init,
        signal: AbortSignal.any(init.signal ? [init.signal, off.signal] : [off.signal]),
      }),
  }
}

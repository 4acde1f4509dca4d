type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** This page's own network: off, its requests fail, and what is open breaks. */
export interface NetworkSwitch {
  readonly isOn: boolean
  turn(on: boolean): void
  readonly fetch: Fetch
}

export function createNetworkSwitch(): NetworkSwitch {
  let off: AbortController = new AbortController()
  let isOn = true
  return {
    get isOn() {
      return isOn
    },
    turn(on) {
      isOn = on
      if (on) off = new AbortController()
      else off.abort(new TypeError('this page is offline'))
    },
    fetch: (url, init) =>
      fetch(url, {
        ...init,
        signal: AbortSignal.any(init.signal ? [init.signal, off.signal] : [off.signal]),
      }),
  }
}

/** A `fetch` that notes what the latest refusal said: a stream's error has its status alone. */
export interface ExplainingFetch {
  readonly fetch: (...request: Parameters<typeof fetch>) => Promise<Response>
  /** Undefined if the latest answer was none. */
  readonly refusal: string | undefined
}

export function createExplainingFetch(): ExplainingFetch {
  let refusal: string | undefined
  return {
    async fetch(...request) {
      const response = await fetch(...request)
      refusal = response.ok ? undefined : (await response.clone().text()).trim()
      return response
    },
    get refusal() {
      return refusal
    },
  }
}

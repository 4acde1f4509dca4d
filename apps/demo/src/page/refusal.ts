import type { ControlRefusal } from '../control-refusal.ts'

/** The server's reason for a refusal, as text for the user. */
export async function readRefusal(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'application/json') return (await response.text()).trim()
  return ((await response.json()) as ControlRefusal).message
}

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
      refusal = response.ok ? undefined : await readRefusal(response.clone())
      return response
    },
    get refusal() {
      return refusal
    },
  }
}

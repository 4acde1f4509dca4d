/** One response of a scenario. The requests of one key get them in order; the last one is repeated. */
export interface ScenarioResponse {
  /** Default 200. */
  readonly status?: number
  /** Default `content-type: text/event-stream`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Written one by one, in turns of the event loop of their own. */
  readonly chunks?: readonly string[]
  /** As `chunks`, in hexadecimal: for bytes that are no UTF-8. */
  readonly hex?: readonly string[]
  /** What comes after the chunks. Default `hang`. */
  readonly finally?: 'hang' | 'end' | 'cut'
}

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Where to find the server from the page, worker or process that runs a case. */
export interface ScenarioServer {
  /** The origin of the page in a browser. */
  readonly origin: string
  /** The same server by another origin. */
  readonly otherOrigin: string
}

/** A URL that answers with the responses, under a key of its own. */
export function scenarioUrl(
  origin: string,
  responses: readonly ScenarioResponse[],
): { url: string; key: string } {
  const key = crypto.randomUUID()
  return {
    key,
    url: `${origin}/scenario?${new URLSearchParams({ key, responses: JSON.stringify(responses) }).toString()}`,
  }
}

/** The requests of a scenario so far. */
export async function seenRequests(origin: string, key: string): Promise<SeenRequest[]> {
  const response = await fetch(`${origin}/requests?key=${key}`)
  return (await response.json()) as SeenRequest[]
}

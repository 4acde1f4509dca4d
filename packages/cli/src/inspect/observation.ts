/** What the inspector saw of an answer, in the order in which it came. All times: milliseconds since the request. */
export interface ObservedHead {
  readonly atMs: number
  readonly status: number
  readonly statusText: string
  /** Names as they were sent; a name may be there more than once. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Where it was asked in the end, and all redirects on the way there. */
  readonly url: string
  readonly redirects: readonly string[]
  /** Why a client would refuse the server's certificate; undefined if it would not, or if the server has no certificate. */
  readonly certificateProblem?: string | undefined
}

type EndReason =
  /** The response came to its end. */
  | 'ended'
  /** The connection broke before the response's end. */
  | 'cut'
  /** The inspector had seen enough. */
  | 'time-limit'
  | 'byte-limit'
  /** There was no answer at all. */
  | 'failed'
  /** The inspector may not go there, and has sent nothing. */
  | 'not-allowed'

export interface ObservedEnd {
  readonly atMs: number
  readonly reason: EndReason
  /** In words, where something failed. */
  readonly message?: string | undefined
}

/** The events of `POST /inspect`. A `chunk` has its bytes in base64, after content coding was undone. */
export interface InspectEvents {
  head: ObservedHead
  chunk: { readonly atMs: number; readonly base64: string }
  end: ObservedEnd
}

/** What `POST /inspect` is sent, as JSON. */
export interface InspectOrder {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly fields: readonly (readonly [name: string, value: string])[]
  /** Of a POST. */
  readonly body: string
  /** How long to look: 1 to 120. */
  readonly seconds: number
}

/** Content, after decoding, that is read at most. */
export const maxInspectedBytes: number = 4 * 1024 * 1024
export const maxInspectedSeconds: number = 120

/** The value of a field, joined as RFC 9110 section 5.3 says; undefined if it was not sent. */
export function fieldOf(head: ObservedHead, name: string): string | undefined {
  const values = head.fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value)
  return values.length === 0 ? undefined : values.join(', ')
}

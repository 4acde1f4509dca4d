/** A server under test, for requests of which each has an end. */
export interface HttpServer {
  readonly port: number
}

/** What `GET /users/:id` answers, as JSON. */
export function userOf(id: string): { readonly id: string; readonly name: string } {
  return { id, name: `User ${id}` }
}

/** How many events `GET /stream` sends, by a generator, before it ends. */
export const streamedEvents = 20_000

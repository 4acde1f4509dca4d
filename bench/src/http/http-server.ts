/** A server under test, for requests of which each has an end. */
export interface HttpServer {
  readonly port: number
}

/** What `GET /users/:id` answers, as JSON. */
export function userOf(id: string): { readonly id: string; readonly name: string } {
  return { id, name: `User ${id}` }
}

/** What `POST /users` takes, as JSON; it answers `userOf(id)`. */
export interface NewUser {
  readonly id: string
}

/** How many events `GET /stream` sends, by a generator, before it ends. */
export const streamedEvents = 20_000

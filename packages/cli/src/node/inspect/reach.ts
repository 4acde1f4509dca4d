import type { Reach } from './exchange.ts'

/** For a user who asks from their own shell, and may go where the shell can. */
export const anywhere: Reach = {
  allows: () => true,
  refusal: (host) => `${host} has no address`,
}

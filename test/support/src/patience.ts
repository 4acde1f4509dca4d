/**
 * For `vi.waitFor` and `vi.waitUntil`: as long as a busy machine may need for what a test waits for. Theirs is a second.
 *
 * `expect.poll` has the same from the configuration of the tests.
 */
export const patience = { timeout: 15_000, interval: 5 } as const

/*
 * For `setupFiles` of vitest: extends `expect` by the matchers, and its types with them.
 */
import { expect } from 'vitest'
import { matchers } from '../matchers/matchers.ts'
import type { EventStreamMatchers } from '../matchers/matchers.ts'

declare module 'vitest' {
  interface Matchers<
    R extends void | Promise<void> = void | Promise<void>,
    T = unknown,
  > extends EventStreamMatchers<R> {}
}

expect.extend(matchers)

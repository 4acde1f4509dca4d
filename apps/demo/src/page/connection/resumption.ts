/** A loss that is over: the numbers are live again. */
export interface Resumption {
  readonly caughtUp: number
  readonly missing: number
  readonly repeated: number
  readonly hasGap: boolean
}

/** A virtual clock was moved while an earlier call was still moving it. Await that call first. */
export class ClockError extends Error {
  override readonly name = 'ClockError'
  readonly code = 'clock-busy'

  constructor() {
    super('The virtual clock is being advanced already. Await that call first.')
  }
}

/** A contender did not deliver what it was given: its figures would say nothing. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  readonly code = 'wrong-delivery'
}

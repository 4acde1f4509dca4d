/**
 * The messages between the main process and a worker, over Node's IPC channel:
 *
 *     main                                worker
 *       -- { id: 1, method, args } -->    a call
 *       <-- { id: 1, result | error } --
 *       -- { method, args } -->           a notice: no answer
 *       <-- { notice } --
 */
export interface CallMessage {
  /** Absent: no caller waits for an answer. */
  readonly id?: number
  readonly method: string
  readonly args: readonly unknown[]
}

export type AnswerMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly notice: unknown }

/** The methods that a worker offers, as both sides know them. Arguments and results are serialized as JSON. */
// oxlint-disable-next-line typescript/no-explicit-any -- a constraint: any other parameter list would refuse all methods
export type Methods<T> = { readonly [Name in keyof T]: (...args: any[]) => unknown }

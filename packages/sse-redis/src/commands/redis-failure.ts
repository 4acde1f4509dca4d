/**
 * What the failure of a command means.
 *
 * - `offline`: the command was not sent.
 * - `busy`: Redis answered that it cannot run it now.
 * - `demoted`: the server was the master and is a replica now.
 * - `full`: Redis has reached its maxmemory.
 * - `other-version`: the keys were written by another release. Nothing was changed.
 * - `refused`: Redis refused it before it changed anything, and would again.
 * - `halfway`: a script failed after it had changed something.
 * - `lost`: the connection failed. Redis may have run it.
 */
export type Failure =
  | 'offline'
  | 'busy'
  | 'demoted'
  | 'full'
  | 'other-version'
  | 'refused'
  | 'halfway'
  | 'lost'

const busyReplies = /^(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED) /
const anyReply = /^[A-Z]+ /

export function classifyFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return 'lost'
  // `instanceof` would fail for a client of another copy of the library.
  const { name } = error.constructor
  if (name === 'ClientOfflineError' || name === 'ClientClosedError') return 'offline'
  const { message } = error
  if (message.startsWith('READONLY ')) return 'demoted'
  if (message.startsWith('OOM ')) return 'full'
  if (message.startsWith('HALFWAY ')) return 'halfway'
  if (message.startsWith('VERSION ')) return 'other-version'
  if (busyReplies.test(message)) return 'busy'
  if (name === 'SimpleError' || name === 'BlobError' || name === 'ErrorReply' || anyReply.test(message))
    return 'refused'
  return 'lost'
}

/**
 * What the failure of a command means.
 *
 * - `offline`: it was never sent.
 * - `busy`: Redis answered that it cannot now.
 * - `demoted`: what was the master is a replica.
 * - `full`: beyond maxmemory.
 * - `refused`: Redis answered no, and will again.
 * - `lost`: the connection failed. It may have been carried out.
 */
export type Failure = 'offline' | 'busy' | 'demoted' | 'full' | 'refused' | 'lost'

const busyReplies = /^(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|UNBLOCKED) /
const anyReply = /^[A-Z]+ /

export function judgeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return 'lost'
  // By their names: the user's client may be of another copy of the library.
  const { name } = error.constructor
  if (name === 'ClientOfflineError' || name === 'ClientClosedError') return 'offline'
  const { message } = error
  if (message.startsWith('READONLY ')) return 'demoted'
  if (message.startsWith('OOM ')) return 'full'
  if (busyReplies.test(message)) return 'busy'
  if (name === 'SimpleError' || name === 'BlobError' || name === 'ErrorReply' || anyReply.test(message))
    return 'refused'
  return 'lost'
}

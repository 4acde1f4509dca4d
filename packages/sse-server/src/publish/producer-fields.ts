import type { BatchOptions } from '../hub/publish-options.ts'
import { Refusal } from './problem.ts'

/**
 * What the fields of a request say of its producer: `Idempotency-Key`, or `Producer-Id`, `Producer-Epoch` and `Producer-Seq`.
 *
 * @param identity - the identity that the producers belong to. Those of two identities are separate, so that nobody can take over, or hide
 *   behind, another's.
 * @throws {@link Refusal}
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 * @see https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md
 */
export function producerFields(headers: Headers, identity: string | undefined): BatchOptions {
  const key = headers.get('idempotency-key')
  const id = headers.get('producer-id')
  const epoch = headers.get('producer-epoch')
  const seq = headers.get('producer-seq')
  const given = [id, epoch, seq].filter((each) => each !== null).length
  if (key !== null && given > 0) throw refused('Idempotency-Key does not go with Producer fields.')
  if (key !== null) return { idempotencyKey: owned(identity, parseKey(key)) }
  if (id === null || epoch === null || seq === null) {
    if (given === 0) return {}
    throw refused('Producer-Id, Producer-Epoch and Producer-Seq go together.')
  }
  if (id === '') throw refused('Producer-Id is empty.')
  const producer = { id: owned(identity, id), epoch: parseCount(epoch), seq: parseCount(seq) }
  return { producer }
}

/** With its length, so that no two of an identity and a name make the same. */
function owned(identity: string | undefined, name: string): string {
  return identity === undefined ? name : `${identity.length}:${identity} ${name}`
}

/** A string of RFC 9651, in quotes, as the draft has it; or bare, as most senders write the field. */
function parseKey(field: string): string {
  const quoted = /^"((?:[ !#-[\]-~]|\\["\\])*)"$/.exec(field)?.[1]
  const key = quoted === undefined ? field : quoted.replaceAll(/\\(["\\])/g, '$1')
  if (key === '' || (quoted === undefined && !/^[!#-+\--~]+$/.test(field)))
    throw refused('Idempotency-Key is a string, such as "8e03978e-40d5-43dd-bc93-6894a57f9324".')
  return key
}

function parseCount(field: string): number {
  const count = /^\d{1,16}$/.test(field) ? Number(field) : Number.NaN
  if (!Number.isSafeInteger(count))
    throw refused('Producer-Epoch and Producer-Seq are integers of at least 0.')
  return count
}

function refused(detail: string): Refusal {
  return new Refusal({ status: 400, code: 'invalid-producer', detail })
}

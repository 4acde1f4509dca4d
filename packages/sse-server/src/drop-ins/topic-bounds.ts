import { hasCode } from '../errors/has-code.ts'
import type { Hub } from '../hub/hub.ts'
import { formatEventId, parseEventId } from '../wire-contract/event-id.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'

/** How an ended topic has ended; undefined if its time is over. */
export async function endOf(
  hub: Pick<Hub, 'read' | 'position'>,
  topic: string,
): Promise<EndReason | undefined> {
  const last = parseEventId(await hub.position(topic))
  if (last === undefined || last.seq === 0) return undefined
  const after = formatEventId({ epoch: last.epoch, seq: last.seq - 1 })
  try {
    for await (const reading of hub.read([topic], { after }))
      if (reading.type === 'end') return reading.reason === 'expired' ? undefined : reading.reason
  } catch (error) {
    // Its time ran out in between.
    if (!hasCode(error, 'topic-expired')) throw error
  }
  return undefined
}

/** The position before the first event of the log, as it is now. */
export async function beginningOf(hub: Pick<Hub, 'position'>): Promise<string> {
  const { epoch = '' } = parseEventId(await hub.position()) ?? {}
  return formatEventId({ epoch, seq: 0 })
}

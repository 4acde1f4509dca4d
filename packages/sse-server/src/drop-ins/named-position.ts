import { textOfToken, tokenOf } from '../topics/token-of.ts'
import { formatEventId, parseEventId } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'

/** A place in a log, and of which stream it is: `<epoch>-<seq>.<name>`, the name percent-encoded. Visible ASCII only. */
export interface NamedPosition {
  readonly position: Position
  readonly name: string
}

export function formatNamedPosition({ position, name }: NamedPosition): string {
  return `${formatEventId(position)}.${tokenOf(name)}`
}

/** @returns undefined for what {@link formatNamedPosition} cannot have made. */
export function parseNamedPosition(text: string): NamedPosition | undefined {
  const [id = '', token = '', ...rest] = text.split('.')
  const position = parseEventId(id)
  const name = textOfToken(token)
  return position === undefined || name === undefined || rest.length > 0 ? undefined : { position, name }
}

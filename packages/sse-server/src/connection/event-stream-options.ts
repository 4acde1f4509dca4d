import type { ServerSentEvent } from '../format/event.ts'
import type { HeaderFields } from '../format/headers.ts'
import type { EventSchemas, ValidateOnSend } from '../format/typed-events.ts'
import type { OptionNames } from '../option-names.ts'
import { choiceOption, functionOption, signalOption } from '../options.ts'
import { wireContracts } from '../wire-contract/extent.ts'
import type { WireContract } from '../wire-contract/extent.ts'
import { connectionOptionNames, connectionSettings } from './connection-options.ts'
import type { ConnectionOptions, ConnectionSettings } from './connection-options.ts'
import type { CloseReason } from './frame-queue.ts'

/** Options of one event stream. */
export interface EventStreamOptions<Schemas extends EventSchemas = EventSchemas> extends ConnectionOptions {
  /** Types `send`, and with `validate: 'on-send'` checks it. */
  readonly events?: Schemas | undefined
  /** @defaultValue `'off'` */
  readonly validate?: ValidateOnSend | undefined
  /** Further header fields of the response. They override those of the event stream. */
  readonly headers?: HeaderFields
  /**
   * Ends the stream, with the reason `server`, when it aborts: in good order if it is pushed into, and broken off if a sequence
   * is read that has not come to its end.
   */
  readonly signal?: AbortSignal | undefined
  /**
   * What the client gets when the source fails.
   *
   * - `announce`: the events `stream.error` and `stream.end`, of the reason `failed`, and then the response ends. Clients that
   *   do not know them read past them.
   * - `break`: nothing, and the transfer is broken off, so that no client takes what came for the whole.
   * - `end`: nothing, and the response ends as if it were whole.
   * - A function makes the event that is sent in place of `announce`'s. If it returns null, the transfer is broken off.
   *
   * @defaultValue `'announce'`, and `'break'` if `wireContract` is not `'full'`
   */
  readonly sourceFailure?:
    | 'announce'
    | 'break'
    | 'end'
    | ((error: unknown) => ServerSentEvent | null)
    | undefined
  /** How much of the wire contract the stream follows: see {@link WireContract}. @defaultValue `'full'` */
  readonly wireContract?: WireContract | undefined
  /** Called once, when the connection is gone. */
  readonly onClose?: ((reason: CloseReason) => void) | undefined
}

export const eventStreamOptionNames: OptionNames<EventStreamOptions> = {
  ...connectionOptionNames,
  events: true,
  validate: true,
  headers: true,
  signal: true,
  sourceFailure: true,
  wireContract: true,
  onClose: true,
}

/** What is known of a stream before its connection opens. */
export interface EventStreamSetup {
  readonly settings: ConnectionSettings
  readonly lastEventId: string | undefined
  readonly options: Pick<EventStreamOptions, 'events' | 'validate' | 'signal' | 'onClose'>
  readonly sourceFailure: NonNullable<EventStreamOptions['sourceFailure']>
  readonly firstEvent?: FirstEventListener | undefined
}

/** Hears whether the stream's first event came, or its source failed before. */
export interface FirstEventListener {
  sent(): void
  failed(error: unknown): void
}

/** @throws {@link OptionError} */
export function eventStreamSetup(
  options: EventStreamOptions,
  lastEventId: string | undefined,
): EventStreamSetup {
  choiceOption('validate', options.validate, ['off', 'on-send'])
  functionOption('onClose', options.onClose)
  signalOption('signal', options.signal)
  const wireContract = choiceOption('wireContract', options.wireContract, wireContracts)
  const { sourceFailure = wireContract === 'full' ? 'announce' : 'break' } = options
  if (typeof sourceFailure !== 'function')
    choiceOption('sourceFailure', sourceFailure, ['announce', 'break', 'end'])
  return { settings: connectionSettings(options, wireContract), lastEventId, options, sourceFailure }
}

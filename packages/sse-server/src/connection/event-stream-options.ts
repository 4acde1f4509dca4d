import { OptionError } from '../errors/option-error.ts'
import type { HeaderFields } from '../format/headers.ts'
import type { EventSchemas, ValidateOnSend } from '../format/typed-events.ts'
import type { OptionNames } from '../option-names.ts'
import { choiceOption, functionOption } from '../options.ts'
import { connectionOptionNames, connectionSettings } from './connection-options.ts'
import type { ConnectionOptions, ConnectionSettings } from './connection-options.ts'
import type { CloseReason } from './frame-queue.ts'

/** Options of one event stream. */
export interface EventStreamOptions<Schemas extends EventSchemas = EventSchemas> extends ConnectionOptions {
  /** Types `send`, and with `validate: 'on-send'` checks it. */
  readonly events?: Schemas | undefined
  /** @defaultValue `'off'` */
  readonly validate?: ValidateOnSend | undefined
  /** Header fields beside those of the event stream; they win over them. */
  readonly headers?: HeaderFields
  /** Closes the stream, with the reason `server`, when it aborts. */
  readonly signal?: AbortSignal | undefined
  /** Called once, when the connection is gone. */
  readonly onClose?: ((reason: CloseReason) => void) | undefined
}

export const eventStreamOptionNames: OptionNames<EventStreamOptions> = {
  ...connectionOptionNames,
  events: true,
  validate: true,
  headers: true,
  signal: true,
  onClose: true,
}

/** What is known of a stream before its connection opens. */
export interface EventStreamSetup {
  readonly settings: ConnectionSettings
  readonly lastEventId: string | undefined
  readonly options: Pick<EventStreamOptions, 'events' | 'validate' | 'signal' | 'onClose'>
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
  if (options.signal !== undefined && typeof options.signal?.addEventListener !== 'function') {
    throw new OptionError('signal', options.signal, 'an AbortSignal')
  }
  return { settings: connectionSettings(options), lastEventId, options }
}

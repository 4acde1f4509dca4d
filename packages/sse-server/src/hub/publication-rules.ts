import { EventSizeError } from '../errors/event-size-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { TopicError } from '../errors/topic-error.ts'
import { checkEvent, checkEventType, serializeData } from '../format/event.ts'
import { maxBatchEvents } from '../log/event-log.ts'
import type { LoggedEvent, ProducerSequence } from '../log/event-log.ts'
import { utf8LengthOf } from '../log/held-bytes.ts'
import { choiceOption, limitOption } from '../options.ts'
import { validateEvent } from '../format/typed-events.ts'
import type { EventSchemas } from '../format/typed-events.ts'
import { checkNotReserved } from '../wire-contract/reserved-events.ts'
import type { HubOptions } from './hub-options.ts'
import type { BatchEvent, BatchOptions, HubEvent, PublishOptions } from './publish-options.ts'
import { checkTopic } from '../topics/topic.ts'
import { matchesTopic, parseTopicPattern } from '../topics/topic-pattern.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'

const maxBatchBytes = 1_048_576

// The greatest length of a producer's id, and of an idempotency key, in UTF-16 code units.
const maxNameLength = 255

/** What may be published to a hub, and in which form it goes into the log. */
export class PublicationRules {
  readonly maxTopicLength: number
  readonly #maxEventBytes: number
  readonly #schemas: readonly (readonly [TopicPattern, EventSchemas])[]

  /** @throws {@link OptionError} */
  constructor(options: HubOptions) {
    this.maxTopicLength = limitOption('maxTopicLength', options.maxTopicLength, 255)
    this.#maxEventBytes = limitOption('maxEventBytes', options.maxEventBytes, 1_048_576)
    const validate = choiceOption('validate', options.validate, ['off', 'on-publish'])
    this.#schemas = Object.entries(validate === 'off' ? {} : (options.topics ?? {})).map(
      ([pattern, events]) => [parseTopicPattern(pattern, this.maxTopicLength), events] as const,
    )
  }

  /** @throws {@link TopicError}, {@link EventFieldError} or {@link EventSizeError} */
  check(topic: string, event: HubEvent, options: PublishOptions = {}): LoggedEvent {
    this.checkTopic(topic)
    checkEvent(event)
    if (event.event !== undefined) checkEventType(event.event)
    checkNotReserved(event.event)
    this.#validate(topic, event)
    const data = serializeData(event.data)
    this.#checkSize(data)
    return { topic, event: event.event, data, key: checkKey(options.key) }
  }

  /** @throws as {@link check} does, and {@link OptionError} for an invalid batch. */
  checkBatch(topic: string, events: readonly BatchEvent<HubEvent>[]): readonly LoggedEvent[] {
    if (!Array.isArray(events) || events.length === 0 || events.length > maxBatchEvents)
      throw new OptionError('events', events, `an array of 1 to ${maxBatchEvents} events`)
    const checked = events.map((event) => this.check(topic, event, { key: event?.key }))
    const size = checked.reduce((sum, { data }) => sum + utf8LengthOf(data), 0)
    if (size > maxBatchBytes) throw new EventSizeError(size, maxBatchBytes, 'batch')
    return checked
  }

  /** @throws {@link TopicError} */
  checkTopic(topic: string): void {
    checkTopic(topic, this.maxTopicLength)
  }

  /** What no schema is for is a mistake as much as what its schema refuses. */
  #validate(topic: string, event: HubEvent): void {
    if (this.#schemas.length === 0) return
    const schemas = this.#schemas.find(([pattern]) => matchesTopic(pattern, topic))
    if (schemas === undefined) {
      const patterns = this.#schemas.map(([{ text }]) => text).join(', ')
      throw new TopicError('topic', topic, `one that the option topics has schemas for (${patterns})`)
    }
    validateEvent(schemas[1], { event: event.event ?? 'message', data: event.data })
  }

  #checkSize(data: string): void {
    // A code unit is three bytes at most: the data that is measured is rare.
    if (data.length * 3 <= this.#maxEventBytes) return
    const byteLength =
      data.length > this.#maxEventBytes ? data.length : new TextEncoder().encode(data).byteLength
    if (byteLength > this.#maxEventBytes) throw new EventSizeError(byteLength, this.#maxEventBytes)
  }
}

/**
 * Which of a producer's events is published.
 *
 * @throws {@link OptionError}
 */
export function producerOf({ producer, idempotencyKey }: BatchOptions): ProducerSequence | undefined {
  if (idempotencyKey !== undefined) {
    if (producer !== undefined)
      throw new OptionError(
        'idempotencyKey',
        idempotencyKey,
        'either an idempotencyKey or a producer, not both',
      )
    checkName('idempotencyKey', idempotencyKey)
    return { id: `idempotency-key:${idempotencyKey}`, epoch: 0, seq: 0 }
  }
  if (producer === undefined) return undefined
  const { id, epoch, seq } = producer ?? { id: '', epoch: 0, seq: 0 }
  checkName('producer.id', id)
  for (const [name, value] of Object.entries({ epoch, seq }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new OptionError(`producer.${name}`, value, 'an integer of at least 0')
  return { id, epoch, seq }
}

function checkName(option: string, name: unknown): void {
  const isName =
    typeof name === 'string' && name.length > 0 && name.length <= maxNameLength && name.isWellFormed()
  if (!isName)
    throw new OptionError(option, name, `1 to ${maxNameLength} characters, without lone surrogates`)
}

/** A key that UTF-8 cannot express would be another one, of several, as soon as it leaves the process. */
function checkKey(key: string | undefined): string | undefined {
  if (key === undefined || (typeof key === 'string' && key.isWellFormed())) return key
  throw new OptionError('key', key, 'a string without lone surrogates')
}

import { EventSizeError } from '../errors/event-size-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { checkEvent, checkEventType, serializeData } from '../format/event.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import { choiceOption, limitOption } from '../options.ts'
import { validateEvent } from '../format/typed-events.ts'
import type { EventSchemas } from '../format/typed-events.ts'
import { checkNotReserved } from '../wire-contract/reserved-events.ts'
import type { HubEvent, HubOptions, PublishOptions } from './hub-options.ts'
import { checkTopic } from '../topics/topic.ts'
import { matchesTopic, parseTopicPattern } from '../topics/topic-pattern.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'

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
    const schemas = this.#schemas.find(([pattern]) => matchesTopic(pattern, topic))
    if (schemas !== undefined)
      validateEvent(schemas[1], { event: event.event ?? 'message', data: event.data })
    const data = serializeData(event.data)
    this.#checkSize(data)
    return { topic, event: event.event, data, key: checkKey(options.key) }
  }

  /** @throws {@link TopicError} */
  checkTopic(topic: string): void {
    checkTopic(topic, this.maxTopicLength)
  }

  #checkSize(data: string): void {
    // A code unit is three bytes at most: the data that is measured is rare.
    if (data.length * 3 <= this.#maxEventBytes) return
    const byteLength =
      data.length > this.#maxEventBytes ? data.length : new TextEncoder().encode(data).byteLength
    if (byteLength > this.#maxEventBytes) throw new EventSizeError(byteLength, this.#maxEventBytes)
  }
}

/** A key that UTF-8 cannot express would be another one, of several, as soon as it leaves the process. */
function checkKey(key: string | undefined): string | undefined {
  if (key === undefined || (typeof key === 'string' && key.isWellFormed())) return key
  throw new OptionError('key', key, 'a string without lone surrogates')
}

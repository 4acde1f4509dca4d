import type { ByteSink } from '../connection/byte-sink.ts'
import { connectionOptionNames, connectionSettings } from '../connection/connection-options.ts'
import type { ConnectionOptions, ConnectionSettings } from '../connection/connection-options.ts'
import type { FrameQueue } from '../connection/frame-queue.ts'
import type { LogEntry } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import { checkRequest, choiceOption, functionOption, signalOption, stringOption } from '../options.ts'
import { eventStreamHeaders, eventStreamResponse } from '../respond/event-stream-response.ts'
import { wireContracts } from '../wire-contract/extent.ts'
import type { WireContract } from '../wire-contract/extent.ts'
import { requestedEventId } from '../wire-contract/requested-event-id.ts'
import type { Admission, Admitted } from './admission.ts'
import type { Control } from './control.ts'
import type { Delivery } from './delivery.ts'
import type { Dismissal } from './dismissal.ts'
import { subscribeOptionNames } from './hub-options.ts'
import type { SubscribeOptions } from './hub-options.ts'
import type { Presence } from './presence.ts'
import { checkRendering, Rendering } from './rendering.ts'
import type { RenderingOptions } from './rendering.ts'
import type { Subscription } from './subscription.ts'
import type { SubscriptionTerms } from './subscription-terms.ts'

interface SubscribeHandlerOptions {
  readonly options: ConnectionOptions
  readonly admission: Admission
  readonly control: Control
  readonly delivery: Delivery
  readonly dismissal: Dismissal
  readonly presence: Presence
  readonly isClosing: () => boolean
  readonly onError: (error: unknown) => void
}

/** Answers a request to subscribe: with a refusal, or with a stream that opens its subscription when it is read. */
export class SubscribeHandler {
  readonly #needs: SubscribeHandlerOptions
  readonly #settings = new Map<WireContract, ConnectionSettings>()
  readonly #renderings = new Map<ConnectionSettings, Rendering>()

  constructor(needs: SubscribeHandlerOptions) {
    this.#needs = needs
  }

  /** @throws {@link OptionError} */
  async handle(request: Request, options: SubscribeOptions): Promise<Response> {
    checkOptionNames(options, subscribeOptionNames)
    const filter = functionOption('filter', options.filter)
    stringOption('identity', options.identity)
    const onClose = functionOption('onClose', options.onClose)
    const signal = signalOption('signal', options.signal)
    const settings = this.#settingsOf(options)
    const first = functionOption('first', options.first)
    const rendering = this.#renderingOf(options, settings)
    const headers = eventStreamHeaders(options.headers)
    checkRequest(request)
    const requested = requestedEventId(options.lastEventId, request.headers.get('last-event-id'), request.url)
    const { admission, delivery, isClosing } = this.#needs
    if (isClosing()) return admission.refuse(503)
    const admitted = await admission.admit(request, options)
    if (!('access' in admitted)) return admitted
    if (!(await this.#isReady())) return admission.refuse(503)
    const isGapTold = settings.wireContract === 'full' || options.words?.gap !== undefined
    const rules = { onlyWhileRunning: options.onlyWhileRunning, isGapTold }
    const planned = await delivery.planStart(admitted.patterns, requested, rules)
    if (typeof planned === 'number') return admission.refuse(planned)
    if (admission.isRevoked(admitted)) return admission.refuse(204)
    const { atOpening, unendedTopics } = planned
    const { patterns, access } = admitted
    const open = (sink: ByteSink): FrameQueue => {
      const whenClosed = signal === undefined ? undefined : new AbortController()
      // Spelled out: an object that is spread into costs each connection some 70 bytes more.
      const subscription = this.#open(sink, admitted, {
        settings,
        patterns,
        start: atOpening(),
        filter,
        access,
        first,
        rendering,
        unendedTopics,
        onClose:
          whenClosed === undefined
            ? onClose
            : (reason) => {
                whenClosed.abort()
                return onClose?.(reason)
              },
      })
      const end = (): void => void subscription.endEarly('server')
      if (signal?.aborted === true) end()
      else signal?.addEventListener('abort', end, whenClosed)
      return subscription.queue
    }
    return eventStreamResponse(open, headers, request)
  }

  /** Of each extent of the contract one for all subscriptions that have no options of their own. */
  #settingsOf(given: SubscribeOptions): ConnectionSettings {
    const wireContract = choiceOption('wireContract', given.wireContract, wireContracts)
    const own = Object.entries(given).filter(
      ([name, value]) => value !== undefined && Object.hasOwn(connectionOptionNames, name),
    )
    if (own.length > 0)
      return connectionSettings({ ...this.#needs.options, ...Object.fromEntries(own) }, wireContract)
    let settings = this.#settings.get(wireContract)
    if (settings === undefined) {
      settings = connectionSettings(this.#needs.options, wireContract)
      this.#settings.set(wireContract, settings)
    }
    return settings
  }

  #renderingOf(options: RenderingOptions, settings: ConnectionSettings): Rendering {
    const { delivery } = this.#needs
    const host = { settings, frameOf: (entry: LogEntry) => delivery.frameOf(entry) }
    const isUsual = options.map === undefined && options.words === undefined && options.topicField !== true
    if (!isUsual) return new Rendering(host, checkRendering(options))
    if (this.#settings.get(settings.wireContract) !== settings) return new Rendering(host, {})
    let rendering = this.#renderings.get(settings)
    if (rendering === undefined) {
      rendering = new Rendering(host, {})
      this.#renderings.set(settings, rendering)
    }
    return rendering
  }

  /** Whether the bans are known. If the log cannot be asked, the error is reported. */
  async #isReady(): Promise<boolean> {
    try {
      await this.#needs.control.ready()
      return true
    } catch (error) {
      this.#needs.onError(error)
      return false
    }
  }

  #open(sink: ByteSink, admitted: Admitted, terms: SubscriptionTerms): Subscription {
    const { admission, delivery, dismissal, presence, isClosing } = this.#needs
    const subscription = delivery.open(sink, terms)
    presence.joined()
    // Much may have happened since it was let in.
    if (isClosing()) dismissal.dismiss(subscription, 'drain')
    else if (admission.isRevoked(admitted) || admission.isOverfull(terms.access.identity))
      dismissal.dismiss(subscription, 'server')
    return subscription
  }
}

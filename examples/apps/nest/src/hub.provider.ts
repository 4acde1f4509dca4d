import type { Provider } from '@nestjs/common'
import { createHub } from '@sse-toolkit/sse-server'

export const HUB = Symbol('hub')

/** Inject it wherever events are published: `constructor(@Inject(HUB) private readonly hub: Hub) {}`. */
export const hubProvider: Provider = {
  provide: HUB,
  useFactory: () => createHub({ heartbeatIntervalMs: 1000 }),
}

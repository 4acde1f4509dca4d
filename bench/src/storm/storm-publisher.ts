import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'

/** Numbers its events, and goes on whatever becomes of the servers. */
export interface StormPublisher extends AsyncDisposable {
  /** Of the last event. */
  readonly lastNumber: number
  /** No event follows. */
  stop(): Promise<void>
}

export async function startStormPublisher(redisUrl: string, perSecond: number): Promise<StormPublisher> {
  const log = redisLog({ url: redisUrl })
  const hub = createHub({ log })
  let number = -1
  let last: Promise<unknown> = Promise.resolve()
  let failure: unknown
  const publish = (): void => {
    number += 1
    last = hub.publish('storm', { data: String(number) }).catch((error: unknown) => {
      failure ??= error
    })
  }
  publish()
  const timer = setInterval(publish, 1000 / perSecond)
  return {
    get lastNumber() {
      return number
    },
    async stop() {
      clearInterval(timer)
      await last
      if (failure !== undefined) throw new Error('An event could not be published', { cause: failure })
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await hub.close()
      await log.close()
    },
  }
}

/**
 * The routes that every example of this folder serves, so that one suite can test them all: streams that wait, that count
 * and end, and that flood; and the record of their ends.
 */
import type { CloseReason, EventStream, ServerSentEvent } from '@sse-toolkit/sse-server'

export type Scenario = 'idle' | 'count' | 'flood'

/** The events of the server so far. */
export interface Observed {
  opened: number
  closed: CloseReason[]
  /** Events that sources have made. */
  produced: number
  /** Sources whose end was requested, or that have ended. */
  finished: number
}

/** An example that is running. */
export interface RunningExample {
  readonly url: string
  close(): Promise<void>
}

const numbers = ['one', 'two', 'three'] as const

/** Small, so that a reader that stops is soon noticed. */
export const maxBufferedBytes = 100_000

export function createStory() {
  const observed: Observed = { opened: 0, closed: [], produced: 0, finished: 0 }

  return {
    observed,
    onClose: (reason: CloseReason): void => {
      observed.closed.push(reason)
    },

    /** A source that is asked for events. */
    async *pull(target: string, signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
      observed.opened += 1
      try {
        const scenario = scenarioOf(target)
        if (scenario === 'idle') await aborted(signal)
        if (scenario === 'count') {
          for (const data of numbers) {
            await delay(100)
            observed.produced += 1
            yield { data }
          }
        }
        if (scenario === 'flood') {
          for (;;) {
            observed.produced += 1
            yield { data: 'x'.repeat(1000) }
          }
        }
      } finally {
        observed.finished += 1
      }
    },

    /** A source that pushes. */
    async push(target: string, stream: EventStream): Promise<void> {
      observed.opened += 1
      const scenario = scenarioOf(target)
      if (scenario === 'idle') await stream.closed
      if (scenario === 'count') {
        for (const data of numbers) {
          await delay(100)
          stream.send({ data })
        }
        stream.close()
      }
      if (scenario === 'flood') {
        while (stream.send({ data: 'x'.repeat(10_000) })) {
          observed.produced += 1
          await delay(0)
        }
      }
      observed.finished += 1
    },
  }
}

export function scenarioOf(target: string): Scenario {
  const scenario = new URL(target, 'http://localhost').searchParams.get('scenario')
  return scenario === 'count' || scenario === 'flood' ? scenario : 'idle'
}

/** Run as a program, an example checks itself: the three numbers must arrive, however they are sent. */
export async function check(
  start: () => Promise<RunningExample>,
  read = async (url: string): Promise<string> => (await fetch(url)).text(),
): Promise<void> {
  const example = await start()
  for (const path of ['pull', 'push']) {
    const data = (await read(`${example.url}/${path}?scenario=count`)).match(/(?<=data: ).*/g)
    if (JSON.stringify(data) !== JSON.stringify(numbers))
      throw new Error(`/${path} gave ${JSON.stringify(data)}`)
  }
  await example.close()
  console.log('ok')
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

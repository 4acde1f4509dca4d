import { STATUS_CODES } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import {
  HttpError,
  cors,
  createContext,
  createRouter,
  isHttpError,
  isErrorStatus,
  isSuccessful,
  metadataKey,
  reasonPhrase,
  withTimeout,
} from '../src/index.ts'
import { httpErrorResponse } from '../src/errors/http-error.ts'
import { shorten } from '../src/errors/shorten.ts'
import { recordingLogger, serving } from './serving.ts'

describe('reasonPhrase, isSuccessful and isErrorStatus', () => {
  it('know the registered statuses', () => {
    expect([reasonPhrase(200), reasonPhrase(413), reasonPhrase(299)]).toEqual([
      'OK',
      'Content Too Large',
      undefined,
    ])
    expect([199, 200, 204, 299, 300].map(isSuccessful)).toEqual([false, true, true, true, false])
    expect([101, 204, 302, 304, 399, 400, 599, 600].map(isErrorStatus)).toEqual([
      false,
      false,
      false,
      false,
      false,
      true,
      true,
      false,
    ])
  })

  it('know every status that Node knows, but those that were never or are no longer registered', () => {
    const unknown = Object.keys(STATUS_CODES).filter((status) => reasonPhrase(Number(status)) === undefined)
    expect(unknown).toEqual(['418', '509', '510'])
  })
})

describe('an error that a handler throws', () => {
  const errorWith = (fields: object): Error => Object.assign(new Error('not for the client'), fields)

  it.each([
    ['with the status 400', errorWith({ status: 400 }), 400, 'Bad Request'],
    ['with the status 404', errorWith({ status: 404 }), 404, 'Not Found'],
    ['with a status that is not a number', errorWith({ status: '400' }), 500, 'Internal Server Error\n'],
    ['with the status 200', errorWith({ status: 200 }), 500, 'Internal Server Error\n'],
    ['with the status 503', errorWith({ status: 503 }), 500, 'Internal Server Error\n'],
    ['with the status 400.5', errorWith({ status: 400.5 }), 500, 'Internal Server Error\n'],
    ['without a status', errorWith({}), 500, 'Internal Server Error\n'],
    ['that is not an object', 'not for the client', 500, 'Internal Server Error\n'],
  ])('%s is answered with the standard text of its status', async (_name, error, status, text) => {
    const router = createRouter()
    router.use(cors())
    router.get('/', () => Promise.reject(error as Error))
    const server = await serving({ fetch: router.fetch, logger: recordingLogger() })
    const response = await fetch(server.url, { headers: { origin: 'http://a.example' } })
    expect([response.status, await response.text()]).toEqual([status, text])
  })
})

describe('HttpError', () => {
  it('has a status, a safe text and fields, and keeps its cause', () => {
    const cause = new Error('underneath')
    const error = new HttpError(429, 'Slow down.', { headers: { 'retry-after': '7' }, cause })
    expect(error).toMatchObject({
      name: 'HttpError',
      code: 'http-error',
      status: 429,
      message: 'Slow down.',
      cause,
    })
    expect(isHttpError(error)).toBe(true)
    expect(isHttpError(cause)).toBe(false)
    expect(isHttpError(null)).toBe(false)
  })

  it('says the description of its status by default', () => {
    expect(new HttpError(404).message).toBe('Not Found')
  })

  it.each([200, 399, 600, 404.5, Number.NaN])('cannot have the status %s', (status) => {
    expect(() => new HttpError(status)).toThrow(RangeError)
  })

  it('becomes a response of text, or of what its fields say', async () => {
    const response = httpErrorResponse(new HttpError(404, 'No.'))
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      404,
      'text/plain; charset=utf-8',
      'No.',
    ])
    const json = new HttpError(422, '{"a":1}', { headers: { 'content-type': 'application/problem+json' } })
    expect(httpErrorResponse(json).headers.get('content-type')).toBe('application/problem+json')
  })
})

describe('withTimeout', () => {
  function fakeTimers(): {
    readonly pending: Map<number, () => void>
    setTimeout(callback: () => void, delayMs: number): unknown
    clearTimeout(timer: unknown): void
  } {
    const pending = new Map<number, () => void>()
    return {
      pending,
      setTimeout: (callback, delayMs) => {
        pending.set(delayMs, callback)
        return delayMs
      },
      clearTimeout: (timer) => {
        pending.delete(timer as number)
      },
    }
  }

  it('gives what the task gives, and leaves no timer', async () => {
    const timers = fakeTimers()
    expect(await withTimeout(100, () => Promise.resolve('done'), timers)).toBe('done')
    await expect(withTimeout(100, () => Promise.reject(new Error('failed')), timers)).rejects.toThrow(
      'failed',
    )
    expect(timers.pending.size).toBe(0)
  })

  it('rejects and aborts when the time is over, though the task goes on', async () => {
    const timers = fakeTimers()
    const aborted = vi.fn<() => void>()
    const promise = withTimeout(
      100,
      (signal) => {
        signal.addEventListener('abort', aborted)
        return new Promise(() => {})
      },
      timers,
    )
    timers.pending.get(100)?.()
    await expect(promise).rejects.toMatchObject({ name: 'TimeoutError', code: 'timeout', timeoutMs: 100 })
    expect(aborted).toHaveBeenCalledOnce()
    expect(timers.pending.size).toBe(0)
  })

  it('leaves no timer when the task throws at once', async () => {
    const timers = fakeTimers()
    const task = (): Promise<never> => {
      throw new Error('at once')
    }
    await expect(withTimeout(100, task, timers)).rejects.toThrow('at once')
    expect(timers.pending.size).toBe(0)
  })

  it.each([0, -1, Number.NaN, Infinity, 2 ** 31])('refuses %s milliseconds', async (timeoutMs) => {
    await expect(withTimeout(timeoutMs, () => Promise.resolve())).rejects.toMatchObject({
      option: 'timeoutMs',
    })
  })
})

describe('createContext', () => {
  it('makes a context for the test of a handler', () => {
    const key = metadataKey<number>('n')
    const context = createContext({ remoteAddress: '192.0.2.1', startTime: 7 })
    context.set(key, 1)
    expect([context.remoteAddress, context.startTime, context.get(key), context.params]).toEqual([
      '192.0.2.1',
      7,
      1,
      {},
    ])
    expect(context.closing.aborted).toBe(false)
  })
})

describe('shorten', () => {
  it('shows a value on one line, and not too much of it', () => {
    expect(['a\nb', 1, 7n, null, undefined, [1, 'x'], {}, () => 1].map(shorten)).toEqual([
      String.raw`"a\nb"`,
      '1',
      '7n',
      'null',
      'undefined',
      '[1, "x"]',
      'an object',
      'a function',
    ])
    expect(shorten('x'.repeat(1000))).toHaveLength(80)
  })
})

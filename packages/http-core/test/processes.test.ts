import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { textResponse } from '../src/index.ts'
import { activationSockets, closeOnSignals, createServer } from '../src/node/index.ts'
import type { SignalOptions } from '../src/node/index.ts'
import { eventually, serving } from './serving.ts'

describe('activationSockets', () => {
  it.each([
    [{ LISTEN_PID: '7', LISTEN_FDS: '1' }, [{ fd: 3, name: undefined }]],
    [
      { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'http:admin' },
      [
        { fd: 3, name: 'http' },
        { fd: 4, name: 'admin' },
      ],
    ],
    [{ LISTEN_PID: '8', LISTEN_FDS: '1' }, []],
    [{ LISTEN_PID: '7', LISTEN_FDS: 'x' }, []],
    [{ LISTEN_PID: '7', LISTEN_FDS: '0' }, []],
    [{}, []],
  ])('%j', (env, sockets) => {
    expect(activationSockets(env, 7)).toEqual(sockets)
  })
})

describe('closeOnSignals', () => {
  function host(): {
    readonly process: NonNullable<SignalOptions['process']>
    readonly codes: unknown[]
    readonly emitter: EventEmitter
  } {
    const emitter = new EventEmitter()
    const codes: unknown[] = []
    const process = {
      on: emitter.on.bind(emitter),
      off: emitter.off.bind(emitter),
      exit: (code: number) => codes.push(code),
    } as unknown as NonNullable<SignalOptions['process']>
    return { process, codes, emitter }
  }

  it('closes the server, then ends the process with 0', async () => {
    const server = await serving({ fetch: () => textResponse('x') })
    const { process, codes, emitter } = host()
    const cleaned: string[] = []
    closeOnSignals(server, { process, timeoutMs: 1000, onClose: (signal) => void cleaned.push(signal) })
    emitter.emit('SIGTERM', 'SIGTERM')
    await eventually(() => codes.length === 1)
    expect([codes, cleaned, server.status]).toEqual([[0], ['SIGTERM'], 'stopped'])
  })

  it('ends with 1 when connections were destroyed, or onClose fails', async () => {
    const server = await serving({ fetch: () => new Promise<Response>(() => {}) })
    const hanging = fetch(server.url).catch(() => 'cut')
    await eventually(() => server.requestsInFlight === 1)
    const first = host()
    closeOnSignals(server, { process: first.process, timeoutMs: 0 })
    first.emitter.emit('SIGINT', 'SIGINT')
    await eventually(() => first.codes.length === 1)
    expect([first.codes, await hanging]).toEqual([[1], 'cut'])

    const second = host()
    const errors: unknown[] = []
    closeOnSignals(createServer({ fetch: () => textResponse('x') }), {
      process: second.process,
      onClose: () => {
        throw new Error('boom')
      },
      onError: (error) => void errors.push(error),
    })
    second.emitter.emit('SIGINT', 'SIGINT')
    await eventually(() => second.codes.length === 1)
    expect([second.codes, errors]).toEqual([[1], [new Error('boom')]])
  })

  it('ends at once at a second signal', async () => {
    const server = await serving({ fetch: () => new Promise<Response>(() => {}) })
    const user = new AbortController()
    const hanging = fetch(server.url, { signal: user.signal }).catch(() => 'left')
    await eventually(() => server.requestsInFlight === 1)
    const { process, codes, emitter } = host()
    closeOnSignals(server, { process, timeoutMs: Infinity })
    emitter.emit('SIGINT', 'SIGINT')
    emitter.emit('SIGTERM', 'SIGTERM')
    expect(codes).toEqual([143])
    user.abort()
    expect(await hanging).toBe('left')
    await server.closed
  })

  it('takes its listeners off', () => {
    const { process, emitter } = host()
    const off = closeOnSignals(createServer({ fetch: () => textResponse('x') }), { process })
    off()
    expect(emitter.eventNames()).toEqual([])
  })
})

describe('reusePort', () => {
  it('lets two servers listen on one port', async () => {
    const first = await serving({ fetch: () => textResponse('1'), reusePort: 'on' })
    const second = createServer({ fetch: () => textResponse('2'), reusePort: 'on', port: first.port })
    await second.listen()
    expect(second.port).toBe(first.port)
    const answers = new Set<string>()
    for (let index = 0; index < 200 && answers.size < 2; index += 1) {
      answers.add(await (await fetch(first.url, { headers: { connection: 'close' } })).text())
    }
    expect([...answers].toSorted()).toEqual(['1', '2'])
    await second.close()
  })

  it('is off by default', async () => {
    const first = await serving({ fetch: () => textResponse('1') })
    const second = createServer({ fetch: () => textResponse('2'), reusePort: 'on', port: first.port })
    await expect(second.listen()).rejects.toMatchObject({ code: 'address-in-use' })
    expect(() => createServer({ fetch: () => textResponse('x'), reusePort: 'yes' as 'on' })).toThrow(
      expect.objectContaining({ option: 'reusePort' }),
    )
  })
})

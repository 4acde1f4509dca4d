import { describe, expect, it } from 'vitest'
import { startScriptedServer } from '../../src/node/index.ts'
import type { ScriptedExchange } from '../../src/node/index.ts'
import { dial } from './sockets.ts'

describe('requests', () => {
  it('are handed over as they came: method, target, fields in order, body by its length', async () => {
    await using server = await startScriptedServer((exchange) =>
      exchange.respond({ status: 200 }).then(() => undefined),
    )
    const client = await dial(server.port)
    client.socket.write(
      'POST /a/b?c=%20 HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 4\r\n\r\nbo',
    )
    client.socket.write('dy')
    const request = await server.nextRequest()
    expect(request).toMatchObject({
      method: 'POST',
      target: '/a/b?c=%20',
      connectionIndex: 0,
      requestIndex: 0,
    })
    expect(request.headerList).toEqual([
      ['Host', 'h'],
      ['X-A', '1'],
      ['x-a', '2'],
      ['Content-Length', '4'],
    ])
    expect(request.headers.get('x-a')).toBe('1, 2')
    expect(request.body.toString()).toBe('body')
    client.socket.destroy()
  })

  it('are read with a chunked body', async () => {
    await using server = await startScriptedServer((exchange) =>
      exchange.respond({ status: 200 }).then(() => undefined),
    )
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('in '))
        controller.enqueue(new TextEncoder().encode('parts'))
        controller.close()
      },
    })
    await fetch(server.url, { method: 'POST', body, duplex: 'half' })
    expect(server.requests[0]?.body.toString()).toBe('in parts')
  })

  it('follow one another on one connection, each with its own script', async () => {
    await using server = await startScriptedServer([
      async (exchange) => void (await exchange.respond({ status: 200, body: 'first' })),
      async (exchange) => void (await exchange.respond({ status: 404, body: 'second' })),
    ])
    const client = await dial(server.port)
    client.socket.write('GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n')
    await client.untilLength('HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\nfirst'.length * 2 + 1)
    expect(client.text).toBe(
      'HTTP/1.1 200 \r\ncontent-length: 5\r\n\r\nfirstHTTP/1.1 404 \r\ncontent-length: 6\r\n\r\nsecond',
    )
    expect(server.requests.map(({ target, connectionIndex }) => [target, connectionIndex])).toEqual([
      ['/1', 0],
      ['/2', 0],
    ])
    client.socket.destroy()
  })

  it('are waited for in order of arrival, with a deadline that says what came so far', async () => {
    await using server = await startScriptedServer((exchange) =>
      exchange.respond({ status: 204 }).then(() => undefined),
    )
    const waiting = server.nextRequest()
    await fetch(`${server.url}/early`)
    await fetch(`${server.url}/later`)
    expect((await waiting).target).toBe('/early')
    expect((await server.nextRequest()).target).toBe('/later')
    await expect(server.nextRequest(20)).rejects.toThrow(
      /request 2 did not happen within 20 ms; 2 requests on/,
    )
  })
})

describe('answers', () => {
  it('are a chunked event stream, write for write, until its last chunk', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead({ headers: { 'x-more': 'yes' } })
      await exchange.writeBody('data: ä\n\n')
      await exchange.endBody()
    })
    const response = await fetch(server.url)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    expect(response.headers.get('x-more')).toBe('yes')
    expect(await response.text()).toBe('data: ä\n\n')
  })

  it('are an event stream that ends with its connection', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead({ framing: 'until-close' })
      await exchange.writeBody('data: a\n\n')
      await exchange.endBody()
    })
    const client = await dial(server.port)
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    expect(await client.ended()).toBe('fin')
    expect(client.text).toMatch(/\r\nconnection: close\r\n\r\ndata: a\n\n$/)
    client.socket.destroy()
  })

  it('are exactly the bytes written', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.write('nonsense')
      await exchange.write(Uint8Array.of(0, 255))
      exchange.end()
    })
    const client = await dial(server.port)
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    await client.ended()
    expect(client.text).toBe('nonsense\u0000\u00FF')
    client.socket.destroy()
  })

  it('can end with a reset', async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      exchange.reset()
    })
    const client = await dial(server.port, 'byte-by-byte')
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    expect(await client.ended()).toBe('rst')
  })

  it('tell the script when the client has gone, also by the result of a write', async () => {
    const results: boolean[] = []
    let done: (() => void) | undefined
    const finished = new Promise<void>((resolve) => {
      done = resolve
    })
    await using server = await startScriptedServer(async (exchange) => {
      results.push(await exchange.writeEventStreamHead())
      await exchange.closed
      results.push(exchange.isClosed, await exchange.writeBody('data: too late\n\n'))
      done?.()
    })
    const client = await dial(server.port)
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    await client.untilLength(1)
    client.socket.destroy()
    await finished
    expect(results).toEqual([true, true, false])
    expect(server.connections).toBe(0)
  })

  it('can stop reading, so that the sender feels it', async () => {
    let exchange: ScriptedExchange | undefined
    await using server = await startScriptedServer((given) => {
      exchange = given
      given.pauseReading()
    })
    const client = await dial(server.port)
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    await server.nextRequest()
    client.socket.write(Buffer.alloc(30_000_000, 'x'))
    await new Promise((resolve) => {
      setTimeout(resolve, 100)
    })
    expect(client.socket.writableLength).toBeGreaterThan(0)
    exchange?.destroy()
    await client.ended()
    client.socket.destroy()
  })
})

describe('what goes wrong', () => {
  it('in a script is thrown by close, and by a waiting nextRequest', async () => {
    const server = await startScriptedServer(() => {
      throw new Error('the script is wrong')
    })
    const client = await dial(server.port)
    const first = server.nextRequest()
    client.socket.write('GET / HTTP/1.1\r\n\r\n')
    await first
    await client.ended()
    await expect(server.nextRequest()).rejects.toThrow('the script is wrong')
    await expect(server.close()).rejects.toThrow('the script is wrong')
    client.socket.destroy()
  })

  it.each([
    ['an HTTP/1.1 request line', 'GET /\r\n\r\n'],
    ['a header field', 'GET / HTTP/1.1\r\nbad field: 1\r\n\r\n'],
    ['a body of 0 to 16777216 bytes', 'POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n'],
  ])('in a request is thrown by close: %s', async (what, bytes) => {
    const server = await startScriptedServer(() => undefined)
    const client = await dial(server.port)
    client.socket.write(bytes)
    await client.ended()
    await expect(server.close()).rejects.toMatchObject({
      code: 'malformed-request',
      message: expect.stringContaining(what) as string,
    })
    client.socket.destroy()
  })

  it('is a request beyond the end of a list of scripts', async () => {
    const server = await startScriptedServer([])
    const client = await dial(server.port)
    client.socket.write('GET /more HTTP/1.1\r\n\r\n')
    await client.ended()
    await expect(server.close()).rejects.toMatchObject({
      code: 'script-ended',
      message: 'Request 0 (GET /more) has no script: the list ended before it.',
    })
    client.socket.destroy()
  })
})

it('close ends open connections', async () => {
  const server = await startScriptedServer((exchange) => exchange.closed)
  const client = await dial(server.port)
  client.socket.write('GET / HTTP/1.1\r\n\r\n')
  await server.nextRequest()
  await server.close()
  expect(await client.ended()).toBe('fin')
  expect(server.connections).toBe(0)
  client.socket.destroy()
})

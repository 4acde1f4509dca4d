import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { textResponse } from '../src/index.ts'
import { testOnly } from './certificates.ts'
import { END_HEADERS, END_STREAM, frameTypes, getFields, rawHttp2Client } from './raw-http2-client.ts'
import type { RawHttp2Client } from './raw-http2-client.ts'
import { serving, turns } from './serving.ts'

/** RFC 9113 section 7. */
const PROTOCOL_ERROR = 1
const INTERNAL_ERROR = 2
const STREAM_CLOSED = 5

/** What h2spec sends behind END_STREAM, and further frames of that kind. */
const FRAMES: readonly (readonly [name: string, send: (client: RawHttp2Client) => void, code: number])[] = [
  [
    'DATA (h2spec 5.1/5, 6.1/2)',
    (client) => client.send(frameTypes.data, 0, 1, Buffer.from('x')),
    STREAM_CLOSED,
  ],
  [
    'DATA that ends the stream again',
    (client) => client.send(frameTypes.data, END_STREAM, 1, Buffer.from('x')),
    STREAM_CLOSED,
  ],
  ['empty DATA', (client) => client.send(frameTypes.data, 0, 1), STREAM_CLOSED],
  [
    'HEADERS (h2spec 5.1/6)',
    (client) => client.send(frameTypes.headers, END_HEADERS | END_STREAM, 1, getFields('/')),
    STREAM_CLOSED,
  ],
  [
    'HEADERS that leave the stream open',
    (client) => client.send(frameTypes.headers, END_HEADERS, 1, getFields('/')),
    STREAM_CLOSED,
  ],
  [
    'CONTINUATION',
    (client) => client.send(frameTypes.continuation, END_HEADERS, 1, getFields('/')),
    PROTOCOL_ERROR,
  ],
]

/** @param answers - `'never'`: the response is still to come when a test ends. */
async function bareNode(answers: 'at-once' | 'never' = 'at-once'): Promise<number> {
  const server = createSecureServer(testOnly, (_request, response) => {
    if (answers === 'at-once') response.end('hello')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/**
 * @param gap - Turns of the event loop between the two frames.
 * @returns how the server refuses the second one: with an error code, or by closing the connection without a code; `'not'` if
 * it ignores the frame.
 */
async function refusal(
  port: number,
  send: (client: RawHttp2Client) => void,
  gap: number,
): Promise<number | 'closed' | 'not'> {
  const client = await rawHttp2Client(port)
  client.acknowledge()
  await client.until(({ type }) => type === frameTypes.settings)
  client.get('/')
  await turns(gap)
  send(client)
  // The answer to it comes behind whatever the server has to say to the frame.
  client.send(frameTypes.ping, 0, 0, Buffer.from('question'))
  await client
    .until(
      ({ type, payload }) =>
        type === frameTypes.goaway ||
        type === frameTypes.rstStream ||
        (type === frameTypes.ping && payload.toString() === 'question'),
    )
    .catch((error: unknown) => {
      if (!client.isClosed) throw error
    })
  const refused = client.frames.find(
    ({ type }) => type === frameTypes.goaway || type === frameTypes.rstStream,
  )
  const unnamed = client.isClosed ? 'closed' : 'not'
  client.tcp.destroy()
  return refused?.payload.readUInt32BE(refused.type === frameTypes.goaway ? 4 : 0) ?? unnamed
}

/**
 * How a release of Node may refuse a frame. For HEADERS some give INTERNAL_ERROR (22.19), or close the connection after the
 * response and name no code (22.23, 26.12). All of them refuse the frame, and none serves it.
 */
const refusalsWith = (code: number): readonly (number | 'closed')[] =>
  code === STREAM_CLOSED ? [code, INTERNAL_ERROR, 'closed'] : [code]

describe('behind END_STREAM (RFC 9113 section 5.1), a frame of the client', () => {
  it.each(FRAMES)('%s is refused while the request is being answered', async (_name, send, code) => {
    let release = (): void => {}
    const answered = new Promise<Response>((resolve) => {
      release = () => {
        resolve(textResponse('hello'))
      }
    })
    const server = await serving({ tls: testOnly, fetch: () => answered })
    const bare = await bareNode('never')
    for (const gap of [0, 1, 5]) {
      const refused = await refusal(server.port, send, gap)
      expect(refusalsWith(code)).toContain(refused)
      expect(refused).toBe(await refusal(bare, send, gap))
    }
    release()
  })

  it.each(FRAMES)(
    '%s is refused in the same packet as a request that is answered at once',
    async (_name, send, code) => {
      const server = await serving({ tls: testOnly, requests: 'light', fetch: () => textResponse('hello') })
      const refused = await refusal(server.port, send, 0)
      expect(refusalsWith(code)).toContain(refused)
      expect(refused).toBe(await refusal(await bareNode(), send, 0))
    },
  )

  it('is looked at as long as bare node:http2 looks: END_STREAM comes behind the content, in a frame of its own', async () => {
    const framesOf = async (port: number): Promise<string[]> => {
      const client = await rawHttp2Client(port)
      client.acknowledge()
      client.get('/')
      await client.until(({ type, flags }) => type === frameTypes.data && (flags & END_STREAM) !== 0)
      client.tcp.destroy()
      return client.frames
        .filter(({ streamId }) => streamId === 1)
        .map(
          ({ type, flags, payload }) =>
            `${type} ${flags & END_STREAM} ${type === frameTypes.data ? payload.toString() : ''}`,
        )
    }
    const ours = await serving({ tls: testOnly, requests: 'light', fetch: () => textResponse('hello') })
    const frames = await framesOf(ours.port)
    expect(frames).toEqual(['1 0 ', '0 0 hello', '0 1 '])
    expect(await framesOf(await bareNode())).toEqual(frames)
  })

  it('that the standard lets pass is ignored: PRIORITY, WINDOW_UPDATE, RST_STREAM', async () => {
    const server = await serving({ tls: testOnly, fetch: () => textResponse('hello') })
    const client = await rawHttp2Client(server.port)
    client.acknowledge()
    client.get('/')
    await client.until(({ type, flags }) => type === frameTypes.data && (flags & END_STREAM) !== 0)
    client.send(2, 0, 1, Buffer.from([0, 0, 0, 0, 16]))
    client.send(8, 0, 1, Buffer.from([0, 0, 0, 1]))
    client.send(frameTypes.rstStream, 0, 1, Buffer.from([0, 0, 0, 8]))
    client.get('/')
    await client.until(
      ({ type, flags, streamId }) => type === frameTypes.data && streamId === 3 && (flags & END_STREAM) !== 0,
    )
    expect(client.isClosed).toBe(false)
    client.tcp.destroy()
  })
})

import { connect as connectHttp2 } from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRouter, jsonResponse, textResponse } from '../src/index.ts'
import { embeddedTree, serveDirectory } from '../src/node/static/index.ts'
import { testOnly } from './certificates.ts'
import { rawExchange } from './raw-client.ts'
import { recordingLogger, serving } from './serving.ts'

// A proxy in front of the server has judged the request by the target that it saw. So a target either means the same to the
// router, or nothing is served.

interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly text: string
}

type Ask = (target: string) => Promise<Answer>

const router = createRouter()
router.get('/quick', () => textResponse('quick'))
router.get('/**', (request) => textResponse(`other ${new URL(request.url).pathname}`))

async function askingHttp1(fetch = router.fetch): Promise<Ask> {
  const server = await serving({ fetch })
  return async (target) => {
    const head = `GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`
    const received = await rawExchange(server.port, Buffer.from(head, 'latin1'))
    return {
      status: Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]),
      location: /\r\nlocation: (.*)\r\n/i.exec(received)?.[1],
      text: received.slice(received.indexOf('\r\n\r\n') + 4),
    }
  }
}

async function askingHttp2(fetch = router.fetch): Promise<Ask> {
  const server = await serving({ fetch, tls: testOnly })
  const session = connectHttp2(`https://localhost:${server.port}`, { ca: testOnly.cert })
  session.on('error', () => {})
  onTestFinished(() => {
    session.destroy()
  })
  return async (target) => {
    const stream = session.request({ ':path': target, ':authority': 'a.example' })
    stream.on('error', () => {})
    let [status, location, text] = [Number.NaN, undefined as string | undefined, '']
    stream.on('response', (fields) => {
      status = Number(fields[':status'])
      location = fields.location
    })
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString()
    })
    await new Promise((resolve) => {
      stream.once('close', resolve)
    })
    return { status, location, text }
  }
}

const CASES: [target: string, expected: number | string, location?: string][] = [
  ['/quick', 'quick'],

  // The URL parser reads a backslash as a slash (https://url.spec.whatwg.org/#path-state).
  ['/x/..\\quick', 400],
  ['/x\\..\\quick', 400],
  ['\\quick', 400],
  ['/\\quick', 400],
  ['/a\\b', 400],
  ['/%5Cquick', 'other /%5Cquick'],
  ['/quick?a\\b', 'quick'],

  // Dot segments, RFC 3986 section 6.2.2.3: a client resolves them before it asks.
  ['/x/../quick', 308, '/quick'],
  ['/./quick', 308, '/quick'],
  ['/../../quick', 308, '/quick'],
  ['/quick/.', 308, '/quick/'],
  ['/quick/x/..', 308, '/quick/'],
  ['/x/../quick?a=/../b', 308, '/quick?a=/../b'],
  ['/quick?/../x', 'quick'],
  ['/x/..//evil.example/', 400],
  ['//evil.example/../', 400],
  ['/x/%2e%2e/quick', 400],
  ['/x/%2E%2E/quick', 400],
  ['/x/.%2e/quick', 400],
  ['/x/%2e./quick', 400],
  ['/%2e/quick', 400],
  ['/x/%2e%2e', 400],
  ['/x/.../quick', 'other /x/.../quick'],
  ['/x/..;/quick', 'other /x/..;/quick'],
  ['/x/..%2fquick', 'other /x/..%2fquick'],
  ['/x/%252e%252e/quick', 'other /x/%252e%252e/quick'],
  ['/.well-known/x', 'other /.well-known/x'],

  // Two slashes are no authority, and no one slash.
  ['//evil.example/quick', 'other //evil.example/quick'],
  ['//quick', 'other //quick'],
  ['/x//../quick', 308, '/x/quick'],

  // The rest of the path stays what it was, with what cannot stand in a URL encoded (RFC 3986 section 2.4).
  ['/{a}"<b>`', 'other /%7Ba%7D%22%3Cb%3E%60'],
  ["/a|[b]'", "other /a|[b]'"],
  ['/%61dmin', 'other /%61dmin'],
  ['/%00', 'other /%00'],

  // Fragments and what is not ASCII never leave a client.
  ['/quick#x', 400],
  ['/#/../quick', 400],
  ['/qu\u00efck', 400],
  ['/quick\u0080', 400],
  ['/quick%C3%AF', 'other /quick%C3%AF'],
]

describe.each([
  ['an HTTP/1.1 target', askingHttp1],
  ['an HTTP/2 :path', askingHttp2],
] as const)('%s', (name, asking) => {
  it.each<(typeof CASES)[number]>(CASES)('%j is answered %s %s', async (target, expected, location) => {
    // The absolute-form is HTTP/1.1's; whatever else has no slash in front is malformed, and its stream is reset.
    const isMalformed = name.includes('HTTP/2') && !target.startsWith('/')
    const answer = await (await asking())(target)
    if (isMalformed) expect(answer.status).toBeNaN()
    else if (typeof expected === 'string') expect(answer).toMatchObject({ status: 200, text: expected })
    else expect([answer.status, answer.location]).toEqual([expected, location])
  })

  it('with any byte anywhere means the same to the router, or is not served', async () => {
    const ask = await asking((request) => jsonResponse(new URL(request.url).pathname))
    const served: string[] = []
    const refused = new Set<string>()
    for (let code = name.includes('HTTP/2') ? 0x21 : 0; code <= 0xff; code += 1) {
      const char = String.fromCodePoint(code)
      if (char === '?' || (name.includes('HTTP/2') && code >= 0x7f)) continue
      for (const target of [`/a${char}b/c`, `/a/${char}/c`, `/a/${char}`, `/a/.${char}/c`, `/${char}a`]) {
        // A space there belongs to the request line, which Node reads as RFC 9112 section 3 allows: by its words.
        if (target.endsWith(' ')) continue
        const { status, text } = await ask(target)
        if (status === 200) {
          served.push(target)
          expect([target, decode(JSON.parse(text) as string)]).toEqual([target, decode(target)])
        } else {
          refused.add(char)
          expect([target, [308, 400].includes(status)]).toEqual([target, true])
        }
      }
    }
    expect(served.length).toBeGreaterThan(400)
    expect(['.', '\\', '#'].every((char) => refused.has(char))).toBe(true)
  })
})

/** The names of a path, decoded where they can be. */
function decode(path: string): string[] {
  return path
    .split('/')
    .map((name) => (name.includes('%') && !/%[0-9a-f]{2}/i.test(name) ? name : decodeURIComponent(name)))
}

describe('a target that is sent elsewhere', () => {
  it('runs no handler, keeps the connection, and is logged', async () => {
    const logger = recordingLogger()
    const methods: string[] = []
    const server = await serving({
      logger,
      fetch: (request) => {
        methods.push(request.method)
        return textResponse('x')
      },
    })
    const response = await fetch(server.url)
    await response.text()
    const received = await rawExchange(
      server.port,
      'POST /a/../b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcPOST /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc',
    )
    expect(received).toMatch(/^HTTP\/1\.1 308 [^]*\r\nlocation: \/b\r\n[^]*HTTP\/1\.1 200 /i)
    expect(methods).toEqual(['GET', 'POST'])
    expect(logger.records).toContainEqual(
      expect.objectContaining({ event: 'request-refused', status: 308, reason: 'a dot segment in the path' }),
    )
  })
})

describe('a target in absolute-form (RFC 9112 section 3.2.2)', () => {
  it.each<[string, number | string]>([
    ['http://b.example/quick', 'quick'],
    ['HTTP://B.Example:80/quick', 'quick'],
    ['http://b.example/x/..\\quick', 400],
    ['http://b.example\\quick', 400],
    ['http://b.example\\@a.example/quick', 400],
    ['http://a.example@b.example/quick', 400],
    ['http://b.example/%2e%2e/quick', 400],
    ['http://b.example/x/../quick', 308],
    ['http:/quick', 400],
    ['http:quick', 400],
    ['http:\\\\b.example/quick', 400],
    ['file:///quick', 400],
    ['javascript:quick', 400],
  ])('%j is answered %s', async (target, expected) => {
    const { status, text } = await (await askingHttp1())(target)
    expect(status === 200 ? text : status).toBe(expected)
  })
})

describe('a Host that the URL parser would read as another', () => {
  it.each([
    ['a%2eexample', 400],
    ['%61.example', 400],
    ['127.1', 400],
    ['0x7f000001', 400],
    ['0177.0.0.1', 400],
    ['2130706433', 400],
    ['127.0.0.1.', 400],
    ['127.0.0.1', 200],
    ['A.Example', 200],
    ['a.example.', 200],
    ['a_b~c.example:80', 200],
    ['[::1]', 200],
    ['[0:0:0:0:0:0:0:1]:80', 200],
  ])('%s is answered %s', async (host, expected) => {
    const server = await serving({ fetch: () => textResponse('x') })
    const received = await rawExchange(
      server.port,
      `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    )
    expect(Number(received.slice(9, 12))).toBe(expected)
  })
})

describe('serveDirectory', () => {
  it('does not take several slashes for one: a route that guards a directory would not see them', async () => {
    const files = createRouter()
    files.get('/files/**', serveDirectory(embeddedTree({ 'private/x': 'secret', 'index.html': 'index' })))
    files.get('/files/private/**', () => textResponse('guarded', { status: 403 }))
    const ask = await askingHttp1(files.fetch)
    expect((await ask('/files/private/x')).status).toBe(403)
    for (const target of ['/files//private/x', '/files///private/x', '/files/private//x', '/files//']) {
      expect([target, (await ask(target)).status]).not.toEqual([target, 200])
    }
    expect((await ask('/files/')).text).toBe('index')
  })
})

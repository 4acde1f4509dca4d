import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRouter } from '../src/index.ts'
import { directoryTree, embeddedTree, serveDirectory } from '../src/node/static/index.ts'
import type { FileTree, ServeDirectoryOptions } from '../src/node/static/index.ts'
import { rawExchange } from './raw-client.ts'
import { serving } from './serving.ts'

const MODIFIED = 'Sat, 01 Jan 2000 00:00:00 GMT'

async function folder(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'sse-toolkit-static-'))
  onTestFinished(async () => {
    await rm(root, { recursive: true })
  })
  await mkdir(join(root, 'public/css'), { recursive: true })
  await mkdir(join(root, 'public/empty'))
  await writeFile(join(root, 'secret.txt'), 'secret')
  await writeFile(join(root, 'public/index.html'), '<h1>Hello</h1>')
  await writeFile(join(root, 'public/css/main.css'), 'body{}')
  await writeFile(join(root, 'public/digits.txt'), '0123456789')
  await writeFile(join(root, 'public/.env'), 'secret')
  await writeFile(join(root, 'public/none.txt'), '')
  await writeFile(join(root, 'public/a <b> & "c".txt'), 'x')
  await symlink('../secret.txt', join(root, 'public/link.txt'))
  await symlink('digits.txt', join(root, 'public/inside.txt'))
  await utimes(join(root, 'public/digits.txt'), 946_684_800, 946_684_800)
  return join(root, 'public')
}

async function site(
  root: string | FileTree,
  options?: ServeDirectoryOptions,
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const router = createRouter()
  const files = serveDirectory(root, options)
  router.all('/', files)
  router.all('/**:path', files)
  const server = await serving({ fetch: router.fetch })
  return (path, init) => fetch(server.url + path, { redirect: 'manual', ...init })
}

describe('downloads', () => {
  it.each(['/css%2Fmain.css', '/css%2fmain.css', '/%2Fcss/main.css'])(
    'takes no encoded slash for a separator, which guards of a directory would not see: %s',
    async (path) => {
      const get = await site(await folder())
      expect([(await get(path)).status, (await get('/css/main.css')).status]).toEqual([404, 200])
    },
  )

  it('send a file with its type, length, date and ETag', async () => {
    const get = await site(await folder())
    const response = await get('/digits.txt')
    expect(await response.text()).toBe('0123456789')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '10',
      'last-modified': MODIFIED,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      etag: expect.stringMatching(/^"[0-9a-f-]+"$/),
    })
    const head = await get('/digits.txt', { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
    expect(await (await get('/none.txt')).text()).toBe('')
    expect((await get('/css/main.css')).headers.get('content-type')).toBe('text/css; charset=utf-8')
  })

  it('answer 304 to a client that has the file, and 412 to a client that expects another', async () => {
    const get = await site(await folder())
    const etag = (await get('/digits.txt')).headers.get('etag') ?? ''
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await get('/digits.txt', { headers })).status
    expect(await status({ 'if-none-match': etag })).toBe(304)
    expect(await status({ 'if-none-match': '"x"' })).toBe(200)
    expect(await status({ 'if-modified-since': MODIFIED })).toBe(304)
    expect(await status({ 'if-modified-since': 'Fri, 31 Dec 1999 23:59:59 GMT' })).toBe(200)
    expect(await status({ 'if-match': '"x"' })).toBe(412)
    expect(await status({ 'if-match': etag })).toBe(200)
    expect(await status({ 'if-match': `"x" ,, ${etag}` })).toBe(200)
    // Within the quotes of one tag, where a comma may stand (RFC 9110 8.8.3); and a list that does not parse.
    expect(await status({ 'if-match': `"x, ${etag}, y"` })).toBe(412)
    expect(await status({ 'if-match': `x, ${etag}` })).toBe(412)
    expect(await status({ 'if-match': `W/${etag}` })).toBe(412)
    expect(await status({ 'if-unmodified-since': 'Fri, 31 Dec 1999 23:59:59 GMT' })).toBe(412)
  })

  it.each([
    ['Sat, 01 Jan 2000 00:00:00 GMT', 304, 200, 206],
    ['Saturday, 01-Jan-00 00:00:00 GMT', 304, 200, 206],
    ['Sat Jan  1 00:00:00 2000', 304, 200, 206],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 200, 412, 200],
    // Two digits that would be more than 50 years ahead are of the past century (RFC 9110 5.6.7).
    ['Friday, 31-Dec-99 23:59:59 GMT', 200, 412, 200],
    // None of these is an HTTP-date, whatever Date.parse makes of it.
    ['2030', 200, 200, 200],
    ['1990', 200, 200, 200],
    ['2030-01-01T00:00:00Z', 200, 200, 200],
    ['Sat, 01 Jan 2000 00:00:00 +0000', 200, 200, 200],
    ['Sat, 31 Feb 2040 00:00:00 GMT', 200, 200, 200],
    ['Sat, 01 Jan 2040 24:00:00 GMT', 200, 200, 200],
    ['Sat, 1 Jan 2040 00:00:00 GMT', 200, 200, 200],
    ['sat, 01 jan 2040 00:00:00 gmt', 200, 200, 200],
    ['Sat, 01 Jan 2040 00:00:61 GMT', 200, 200, 200],
    ['Sat, 01 Jan 2040 00:00:00 GMT, Sat, 01 Jan 2040 00:00:00 GMT', 200, 200, 200],
    ['tomorrow', 200, 200, 200],
    // A leap second; the first is the very last before the file changed, the second comes later.
    ['Fri, 31 Dec 1999 23:59:60 GMT', 304, 200, 206],
    ['Thu, 31 Dec 2037 23:59:60 GMT', 304, 200, 200],
  ])('take %s for the date that it is, or for none', async (date, modified, unmodified, range) => {
    const get = await site(await folder())
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await get('/digits.txt', { headers })).status
    expect([
      await status({ 'if-modified-since': date }),
      await status({ 'if-unmodified-since': date }),
      await status({ 'if-range': date, range: 'bytes=0-1' }),
    ]).toEqual([modified, unmodified, range])
  })

  it('go by the entity tags alone where a condition names both (RFC 9110 13.2.2)', async () => {
    const get = await site(await folder())
    const etag = (await get('/digits.txt')).headers.get('etag') ?? ''
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await get('/digits.txt', { headers })).status
    expect(await status({ 'if-match': etag, 'if-unmodified-since': 'Fri, 31 Dec 1999 23:59:59 GMT' })).toBe(
      200,
    )
    expect(await status({ 'if-none-match': '"x"', 'if-modified-since': MODIFIED })).toBe(200)
  })

  it.each([
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=8-', 206, '89', 'bytes 8-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=-10', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=-11', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=-0', 416, 'Range Not Satisfiable', 'bytes */10'],
    ['bytes=9-9', 206, '9', 'bytes 9-9/10'],
    ['bytes=5-3', 200, '0123456789', null],
    ['bytes=5-99', 206, '56789', 'bytes 5-9/10'],
    ['bytes=10-', 416, 'Range Not Satisfiable', 'bytes */10'],
    ['bytes=0-1,4-5', 200, '0123456789', null],
    ['bytes=x', 200, '0123456789', null],
    ['lines=1-2', 200, '0123456789', null],
  ])('Range: %s', async (range, status, text, contentRange) => {
    const get = await site(await folder())
    const response = await get('/digits.txt', { headers: { range } })
    expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual([
      status,
      text,
      contentRange,
    ])
  })

  it('send a part only of the version that the client has a part of', async () => {
    const get = await site(await folder())
    const etag = (await get('/digits.txt')).headers.get('etag') ?? ''
    const status = async (condition: string): Promise<number> =>
      (await get('/digits.txt', { headers: { range: 'bytes=0-1', 'if-range': condition } })).status
    expect([await status(etag), await status('"x"'), await status(MODIFIED), await status('W/"x"')]).toEqual([
      206, 200, 206, 200,
    ])
  })

  it('of a large file arrive whole', async () => {
    const root = await folder()
    const bytes = Buffer.alloc(3_000_000, 'abc')
    await writeFile(join(root, 'large.bin'), bytes)
    const get = await site(root)
    const response = await get('/large.bin')
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true)
  })

  it.each([
    ['/nothing.txt'],
    ['/.env'],
    ['/css/.env'],
    ['/link.txt'],
    ['/digits.txt/x'],
    ['/%2e%2e/secret.txt'],
    ['/css/..%2f..%2f..%2fsecret.txt'],
    ['/..%5csecret.txt'],
    ['/digits.txt%00.html'],
    [`/${'x'.repeat(300)}`],
  ])('%s is not there', async (path) => {
    const get = await site(await folder())
    expect((await get(path)).status).toBe(404)
  })

  it('on the wire, dots lead nowhere either', async () => {
    const router = createRouter()
    router.get('/**:path', serveDirectory(await folder()))
    const { port } = await serving({ fetch: router.fetch })
    for (const [target, status] of [
      ['/secret.txt', 404],
      ['/../secret.txt', 308],
      ['/css/../../secret.txt', 308],
      ['//../secret.txt', 308],
      ['/%2e%2e/secret.txt', 400],
      ['/..\\secret.txt', 400],
      ['/css/..%2f..%2fsecret.txt', 404],
      ['/..;/secret.txt', 404],
    ] as const) {
      const received = await rawExchange(
        port,
        `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      )
      expect([target, received.slice(9, 12)]).toEqual([target, String(status)])
    }
  })

  it('follow a link inside, and outside where they are told to', async () => {
    const root = await folder()
    const inside = await site(root)
    expect(await (await inside('/inside.txt')).text()).toBe('0123456789')
    const follow = await site(directoryTree(root, { symbolicLinks: 'follow' }))
    expect(await (await follow('/link.txt')).text()).toBe('secret')
  })

  it('hide what is forbidden, serve dotfiles where they are told to, and name a cache-control', async () => {
    const get = await site(await folder(), {
      forbidden: [/\.css$/],
      dotfiles: 'serve',
      cacheControl: 'max-age=60',
    })
    expect((await get('/css/main.css')).status).toBe(404)
    const response = await get('/.env')
    expect([await response.text(), response.headers.get('cache-control')]).toEqual(['secret', 'max-age=60'])
  })

  it('are off where they are told to be', async () => {
    const get = await site(await folder(), { downloads: 'off', uploads: 'on' })
    const response = await get('/digits.txt')
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'PUT'])
  })
})

describe('directories', () => {
  it('are their index, at a path that ends in a slash', async () => {
    const get = await site(await folder())
    expect(await (await get('/')).text()).toBe('<h1>Hello</h1>')
    expect((await get('/css/')).status).toBe(404)
    const moved = await get('/css?a=b')
    expect([moved.status, moved.headers.get('location')]).toEqual([308, '/css/?a=b'])
  })

  it.each(['/**', '/files/**', '/:user/**', '/:user/files/**'])(
    'are mounted whole at %s',
    async (pattern) => {
      const router = createRouter()
      router.get(pattern, serveDirectory(await folder()))
      const mount = pattern.slice(0, -3).replace(':user', 'ada')
      const get = async (path: string): Promise<Response> =>
        router.fetch(new Request(`http://a.example${mount}${path}`))
      expect(await (await get('/')).text()).toBe('<h1>Hello</h1>')
      expect(await (await get('/css/main.css')).text()).toBe('body{}')
      expect(await (await get('/a%20%3Cb%3E%20%26%20%22c%22.txt')).text()).toBe('x')
      const answers = await Promise.all(['/none', '/none/', '/.env', '/css%2Fmain.css'].map(get))
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404])
      expect((await get('/%ff')).status).toBe(400)
      expect((await get('/css')).headers.get('location')).toBe(`${mount}/css/`)
    },
  )

  it('are mounted whole as the fallback', async () => {
    const router = createRouter()
    router.fallback(serveDirectory(await folder()))
    const get = async (path: string): Promise<Response> =>
      router.fetch(new Request(`http://a.example${path}`))
    expect(await (await get('/')).text()).toBe('<h1>Hello</h1>')
    expect(await (await get('/css/main.css')).text()).toBe('body{}')
    expect((await get('/none')).status).toBe(404)
  })

  it('are themselves at a route that ends in exact text, whatever its parameters', async () => {
    const router = createRouter()
    router.get('/:user/files', serveDirectory(await folder()))
    const response = await router.fetch(new Request('http://a.example/css/files/'))
    expect(await response.text()).toBe('<h1>Hello</h1>')
  })

  it('never redirect to another host', async () => {
    const router = createRouter()
    router.get('/**:path', serveDirectory(await folder()))
    const response = await router.fetch(new Request('http://a.example//css'))
    expect(response.headers.get('location') ?? '/').not.toMatch(/^\/\//)
  })

  it('are listed where they are told to be: a page, or JSON', async () => {
    const get = await site(await folder(), { directories: 'list' })
    const page = await (await get('/')).text()
    expect(page).toContain(
      '<a href="./a%20%3Cb%3E%20%26%20%22c%22.txt">a &lt;b&gt; &amp; &quot;c&quot;.txt</a>',
    )
    expect(page).not.toContain('.env')
    expect(page).not.toContain('link.txt')
    const json = await get('/', { headers: { accept: 'application/json' } })
    expect(await json.json()).toEqual({
      entries: [
        { name: 'a <b> & "c".txt', kind: 'file', sizeBytes: 1 },
        { name: 'css', kind: 'directory' },
        { name: 'digits.txt', kind: 'file', sizeBytes: 10 },
        { name: 'empty', kind: 'directory' },
        { name: 'index.html', kind: 'file', sizeBytes: 14 },
        { name: 'inside.txt', kind: 'file', sizeBytes: 10 },
        { name: 'none.txt', kind: 'file', sizeBytes: 0 },
      ],
    })
    const both = await site(await folder(), { directories: 'index-or-list' })
    expect([await (await both('/')).text(), (await both('/css/')).status]).toEqual(['<h1>Hello</h1>', 200])
    const hidden = await site(await folder(), { directories: 'hidden' })
    expect((await hidden('/')).status).toBe(404)
  })
})

describe('uploads and deletes', () => {
  const put = (body: string, headers: Record<string, string> = {}): RequestInit => ({
    method: 'PUT',
    body,
    headers,
  })

  it('are off by default', async () => {
    const request = await site(await folder())
    const response = await request('/new.txt', put('x'))
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await request('/digits.txt', { method: 'DELETE' })).status).toBe(405)
  })

  it('put a file in its place, whole, and take it away', async () => {
    const root = await folder()
    const request = await site(root, { uploads: 'on', deletes: 'on' })
    expect((await request('/css/new.css', put('a{}'))).status).toBe(201)
    expect((await request('/css/new.css', put('b{}'))).status).toBe(204)
    expect(await readFile(join(root, 'css/new.css'), 'utf8')).toBe('b{}')
    expect((await request('/empty/none', { method: 'PUT' })).status).toBe(201)
    expect((await request('/css/new.css', { method: 'DELETE' })).status).toBe(204)
    expect((await request('/css/new.css', { method: 'DELETE' })).status).toBe(404)
    expect(await readdir(join(root, 'css'))).toEqual(['main.css'])
  })

  it('obey conditions', async () => {
    const request = await site(await folder(), { uploads: 'on', deletes: 'on' })
    expect((await request('/digits.txt', put('x', { 'if-none-match': '*' }))).status).toBe(412)
    expect((await request('/digits.txt', put('x', { 'if-match': '"x"' }))).status).toBe(412)
    expect((await request('/new.txt', put('x', { 'if-match': '*' }))).status).toBe(412)
    expect((await request('/digits.txt', { method: 'DELETE', headers: { 'if-match': '"x"' } })).status).toBe(
      412,
    )
    expect((await request('/new.txt', put('x', { 'if-none-match': '*' }))).status).toBe(201)
  })

  it.each([
    ['/css', 409],
    ['/nowhere/x', 409],
    ['/.env', 404],
    ['/..%2fx', 404],
    ['/', 409],
  ])('to %s are refused', async (path, status) => {
    const request = await site(await folder(), { uploads: 'on', deletes: 'on' })
    expect((await request(path, put('x'))).status).toBe(status)
  })

  it('do not leave through a link', async () => {
    const root = await folder()
    await symlink('..', join(root, 'up'))
    const request = await site(root, { uploads: 'on', deletes: 'on' })
    expect((await request('/up/secret.txt', put('x'))).status).toBe(409)
    expect((await request('/up/secret.txt', { method: 'DELETE' })).status).toBe(404)
    expect((await request('/link.txt', put('mine'))).status).toBe(201)
    expect(await readFile(join(root, '../secret.txt'), 'utf8')).toBe('secret')
  })

  it('that fail leave nothing behind', async () => {
    const root = await folder()
    const router = createRouter()
    router.put('/**:path', serveDirectory(root, { uploads: 'on' }))
    const server = await serving({ fetch: router.fetch, maxBodyBytes: 100 })
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(200))
        controller.close()
      },
    })
    const response = await fetch(`${server.url}/empty/big`, { method: 'PUT', body, duplex: 'half' })
    expect([response.status, await readdir(join(root, 'empty'))]).toEqual([413, []])
  })
})

describe('other trees', () => {
  it('a program serves files that are part of it', async () => {
    const get = await site(embeddedTree({ 'index.html': '<p>', 'css/main.css': Buffer.from('body{}') }), {
      directories: 'index-or-list',
    })
    expect(await (await get('/')).text()).toBe('<p>')
    const response = await get('/css/main.css', { headers: { range: 'bytes=0-3' } })
    expect([response.status, await response.text()]).toEqual([206, 'body'])
    expect(await (await get('/css/')).text()).toContain('main.css')
    expect((await get('/css/other.css')).status).toBe(404)
    const etag = response.headers.get('etag') ?? ''
    expect((await get('/css/main.css', { headers: { 'if-none-match': etag } })).status).toBe(304)
  })

  it('files of a program have a time of change each', async () => {
    const get = await site(
      embeddedTree(
        { a: 'x', b: { content: Buffer.from('y'), modifiedAt: 946_684_800_000 } },
        946_684_799_000,
      ),
    )
    const [a, b] = [await get('/a'), await get('/b')]
    expect([a, b].map(({ headers }) => headers.get('last-modified'))).toEqual([
      'Fri, 31 Dec 1999 23:59:59 GMT',
      'Sat, 01 Jan 2000 00:00:00 GMT',
    ])
    expect(await b.text()).toBe('y')
  })

  it('directories may be forbidden, and what is in them not', async () => {
    const get = await site(embeddedTree({ 'css/main.css': 'body{}', 'index.html': '<p>' }), {
      directories: 'forbidden',
    })
    expect([(await get('/')).status, (await get('/css/')).status, (await get('/css')).status]).toEqual([
      403, 403, 403,
    ])
    expect([(await get('/css/main.css')).status, (await get('/none/')).status]).toEqual([200, 404])
  })

  it('any implementation of FileTree is served, uploads included', async () => {
    const files = new Map<string, string>()
    const tree: FileTree = {
      stat: async (path) => {
        const content = files.get(path.join('/'))
        if (content === undefined) return path.length === 0 ? { kind: 'directory' } : undefined
        return { kind: 'file', sizeBytes: content.length, modifiedAt: 0, etag: `"${content}"` }
      },
      read: (path) => new Blob([files.get(path.join('/')) ?? '']).stream(),
      list: async () => [...files.keys()],
      write: async (path, content) => {
        const isThere = files.has(path.join('/'))
        files.set(path.join('/'), await new Response(content).text())
        return isThere ? 'replaced' : 'created'
      },
    }
    const request = await site(tree, { uploads: 'on', directories: 'list' })
    expect((await request('/a.txt', { method: 'PUT', body: 'x' })).status).toBe(201)
    expect(await (await request('/a.txt')).text()).toBe('x')
    expect(await (await request('/')).text()).toContain('a.txt')
    expect(() => serveDirectory(tree, { deletes: 'on' })).toThrow(
      expect.objectContaining({ option: 'deletes' }),
    )
  })

  it.each([
    [() => serveDirectory(''), 'root'],
    [() => serveDirectory('x', { directories: 'all' as 'list' }), 'directories'],
    [() => serveDirectory('x', { uploads: true as unknown as 'on' }), 'uploads'],
    [() => serveDirectory(embeddedTree({}), { uploads: 'on' }), 'uploads'],
    [() => embeddedTree({ 'a/../b': 'x' }), 'files'],
    [() => embeddedTree({ a: 'x', 'a/b': 'y' }), 'files'],
    [() => embeddedTree({ 'a/b': 'y', a: 'x' }), 'files'],
    [() => embeddedTree({ a: { content: 'x', modifiedAt: NaN } }), 'files.a.modifiedAt'],
    [() => embeddedTree({ a: 5 as never }), 'files.a'],
    [() => directoryTree('x', { symbolicLinks: 'never' as 'inside' }), 'symbolicLinks'],
  ])('refuse invalid options (%#)', (make, option) => {
    expect(make).toThrow(expect.objectContaining({ option }))
  })
})

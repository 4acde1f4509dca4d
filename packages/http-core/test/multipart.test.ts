import { describe, expect, it } from 'vitest'
import { HttpError, jsonResponse } from '../src/index.ts'
import { MultipartError, readMultipart } from '../src/node/multipart/index.ts'
import type { MultipartLimits, MultipartPart } from '../src/node/multipart/index.ts'
import { rawClient } from './raw-client.ts'
import { eventually, serving } from './serving.ts'

interface File {
  readonly file: string
  readonly type?: string
}

function form(fields: Readonly<Record<string, string | File>>): Request {
  const parts = Object.entries(fields).map(([name, field]) => {
    const disposition = `--b\r\nContent-Disposition: form-data; name="${name}"`
    return typeof field === 'string'
      ? `${disposition}\r\n\r\n${field}\r\n`
      : `${disposition}; filename="${name}.txt"\r\nContent-Type: ${field.type ?? 'text/plain'}\r\n\r\n${field.file}\r\n`
  })
  return raw(`${parts.join('')}--b--\r\n`)
}

function raw(content: string, type = 'multipart/form-data; boundary=b'): Request {
  return new Request('http://a.example/', {
    method: 'POST',
    body: content,
    headers: { 'content-type': type },
  })
}

async function read(request: Request, limits?: MultipartLimits): Promise<unknown[]> {
  const parts: unknown[] = []
  for await (const part of readMultipart(request, limits)) {
    parts.push(
      part.kind === 'text'
        ? [part.name, part.value]
        : [part.name, part.filename, part.mediaType, await new Response(part.content).text()],
    )
  }
  return parts
}

describe('readMultipart', () => {
  it('gives the parts in order, text as a string and files as streams', async () => {
    const request = form({ a: 'ä', file: { file: 'x'.repeat(200_000), type: 'text/x-a' }, b: '' })
    expect(await read(request)).toEqual([
      ['a', 'ä'],
      ['file', 'file.txt', 'text/x-a', 'x'.repeat(200_000)],
      ['b', ''],
    ])
  })

  it.each([
    'multipart/form-data; boundary="b"',
    'Multipart/Form-Data; BOUNDARY=b',
    'multipart/form-data;charset=utf-8;boundary=b',
    'multipart/form-data; x="; boundary=c"; boundary=b',
  ])('finds the boundary in %s', async (type) => {
    const content = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
    expect(await read(raw(content, type))).toEqual([['a', '1']])
  })

  it('drops what is left of a file when the next part is asked for', async () => {
    const names: string[] = []
    for await (const part of readMultipart(form({ big: { file: 'x'.repeat(500_000) }, after: 'y' })))
      names.push(part.name)
    expect(names).toEqual(['big', 'after'])
  })

  it('does not take the path of a file name', async () => {
    const content =
      '--b\r\nContent-Disposition: form-data; name="f"; filename="../../etc/passwd"\r\n\r\nx\r\n--b--\r\n'
    expect(await read(raw(content))).toEqual([['f', 'passwd', expect.any(String), 'x']])
  })

  it('lets the client wait while nobody reads a file', async () => {
    let part: MultipartPart | undefined
    const gate = Promise.withResolvers<void>()
    const server = await serving({
      maxBodyBytes: Infinity,
      fetch: async (request) => {
        let size = 0
        for await (const found of readMultipart(request)) {
          part = found
          await gate.promise
          if (found.kind === 'file') for await (const chunk of found.content) size += chunk.length
        }
        return jsonResponse({ size })
      },
    })
    const client = await rawClient(server.port)
    const head = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    const size = 30_000_000
    const tail = '\r\n--b--\r\n'
    client.send(
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${head.length + size + tail.length}\r\n\r\n${head}`,
    )
    client.socket.write(Buffer.alloc(size, 'x'))
    client.send(tail)
    await eventually(() => part !== undefined)
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
    expect(client.socket.writableLength).toBeGreaterThan(1_000_000)
    gate.resolve()
    expect(await client.until(/\}$/)).toContain(`{"size":${size}}`)
    client.destroy()
  })

  it.each<[string, Request, MultipartLimits, number, string]>([
    ['another type', raw('', 'text/plain'), {}, 415, 'not-multipart'],
    ['no boundary', raw('', 'multipart/form-data; x=y'), {}, 415, 'not-multipart'],
    [
      'a boundary of 71 characters',
      raw('', `multipart/form-data; boundary=${'b'.repeat(71)}`),
      {},
      415,
      'not-multipart',
    ],
    ['an empty boundary', raw('', 'multipart/form-data; boundary=""'), {}, 415, 'not-multipart'],
    ['two boundaries', raw('--b--\r\n', 'multipart/form-data; boundary=b; boundary=c'), {}, 400, 'malformed'],
    ['too many parts', form({ a: '1', b: '2', c: '3' }), { maxParts: 2 }, 413, 'too-many-parts'],
    ['a long text', form({ a: '12345' }), { maxTextBytes: 4 }, 413, 'field-too-large'],
    ['a large file', form({ f: { file: '12345' } }), { maxFileBytes: 4 }, 413, 'file-too-large'],
    [
      'an end too soon',
      raw('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx'),
      {},
      400,
      'malformed',
    ],
    [
      '3000 fields',
      form(Object.fromEntries(Array.from({ length: 3000 }, (_, n) => [`f${n}`, 'x']))),
      {},
      413,
      'too-many-parts',
    ],
    ['a field of 200 kB', form({ a: 'x'.repeat(200_000) }), {}, 413, 'field-too-large'],
    ...(
      [
        ['without a Content-Disposition', 'Content-Type: text/plain'],
        ['without header fields', ''],
        ['of another disposition', 'Content-Disposition: attachment; name="a"'],
        ['without a name', 'Content-Disposition: form-data'],
        ['with a file name alone', 'Content-Disposition: form-data; filename="x"'],
        ['with two names', 'Content-Disposition: form-data; name="a"; name="b"'],
        ['with two file names', 'Content-Disposition: form-data; name="a"; filename="x"; filename=y'],
        ['with a name that does not end', 'Content-Disposition: form-data; name="a'],
        ['with text behind its name', 'Content-Disposition: form-data; name="a" b'],
        ['with a parameter without a value', 'Content-Disposition: form-data; name="a"; x='],
        [
          'with two dispositions',
          'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="b"',
        ],
        ['with a bare line feed in its name', 'Content-Disposition: form-data; name="a\nb"'],
        ['with a NUL in its name', 'Content-Disposition: form-data; name="a\0"'],
        ['with a NUL in its file name', 'Content-Disposition: form-data; name="a"; filename="a.png\0.exe"'],
        [
          'with an encoded NUL in its file name',
          `Content-Disposition: form-data; name="a"; filename*=UTF-8''a%00b`,
        ],
        [
          'with an invalid encoded file name',
          `Content-Disposition: form-data; name="a"; filename*=UTF-8''%e2`,
        ],
        [
          'with an unknown charset',
          'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=x',
        ],
      ] as const
    ).map(([what, head]): [string, Request, MultipartLimits, number, string] => [
      `a part ${what}`,
      raw(
        `--b\r\n${head}\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name="good"\r\n\r\ny\r\n--b--\r\n`,
      ),
      {},
      400,
      'malformed',
    ]),
    ['a form that ends in the head of a part', raw('--b\r\nContent-Disp'), {}, 400, 'malformed'],
    [
      'a form that ends behind the head of a part',
      raw('--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'),
      {},
      400,
      'malformed',
    ],
    ['a part that ends in its head', raw('--b\r\nContent-Disp\r\n--b--\r\n'), {}, 400, 'malformed'],
    ...[
      Array.from({ length: 40 }, (_, n) => `X-${n}: y`).join('\r\n'),
      Array.from({ length: 4000 }, (_, n) => `X-${n}: y`).join('\r\n'),
      `X: ${'y'.repeat(20_000)}`,
      `X: ${'y'.repeat(200_000)}`,
    ].map((head): [string, Request, MultipartLimits, number, string] => [
      `a part with a head of ${head.length} bytes`,
      raw(`--b\r\n${head}\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n`),
      {},
      413,
      'field-too-large',
    ]),
    ['a name of 300 bytes', form({ ['n'.repeat(300)]: 'x' }), {}, 413, 'field-too-large'],
    ['malformed content', raw('hello'), {}, 400, 'malformed'],
    [
      'no content',
      new Request('http://a.example/', {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
      }),
      {},
      400,
      'malformed',
    ],
  ])('refuses %s', async (_name, request, limits, status, code) => {
    const error: unknown = await read(request, limits).then(
      () => 'nothing thrown',
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status, cause: { code } })
    expect((error as HttpError).cause).toBeInstanceOf(MultipartError)
  })

  it.each([
    ['filename="a b.txt"', 'a b.txt'],
    ['filename=a.txt', 'a.txt'],
    ['filename="ä€.txt"', 'ä€.txt'],
    ['filename="a%22b.txt"', 'a%22b.txt'],
    [String.raw`filename="a\"b.txt"`, 'a"b.txt'],
    [String.raw`filename="C:\dir\a.txt"`, 'a.txt'],
    [`filename="x"; filename*=UTF-8''%e2%82%ac.txt`, '€.txt'],
    ['filename=".."', ''],
    ['filename=""', ''],
    ['FileName="a;b=c.txt"', 'a;b=c.txt'],
  ])('reads %s as %j', async (parameter, filename) => {
    const content = `--b\r\nCONTENT-DISPOSITION: Form-Data; name="f"; ${parameter}\r\n\r\nx\r\n--b--\r\n`
    expect(await read(raw(content))).toEqual([['f', filename, 'text/plain', 'x']])
  })

  it('takes bytes without a file name for a file, and text in another charset for text', async () => {
    const content =
      '--b\r\nContent-Disposition: form-data; name="f"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n' +
      '--b\r\nContent-Disposition: form-data; name="t"\r\nContent-Type: text/plain; charset=utf-16le\r\n\r\nh\0i\0\r\n--b--\r\n'
    expect(await read(raw(content))).toEqual([
      ['f', '', 'application/octet-stream', 'x'],
      ['t', 'hi'],
    ])
  })

  it('gives the same parts however the content is cut', async () => {
    const content = new TextEncoder().encode(
      '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n-\r\n-\r\n--b--\r\n',
    )
    for (let size = 1; size < content.length; size += 1) {
      let at = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (at >= content.length) controller.close()
          else controller.enqueue(content.slice(at, (at += size)))
        },
      })
      const request = new Request('http://a.example/', {
        method: 'POST',
        body,
        duplex: 'half',
        headers: { 'content-type': 'multipart/form-data; boundary="b"' },
      })
      expect(await read(request)).toEqual([
        ['a', '1'],
        ['f', 'x', 'text/plain', '-\r\n-'],
      ])
    }
  })

  it('at exactly its limits takes everything', async () => {
    const request = form({ a: '1234', f: { file: '1234' } })
    expect(await read(request, { maxParts: 2, maxTextBytes: 4, maxFileBytes: 5 })).toHaveLength(2)
  })

  it('cancels the body when the loop is left', async () => {
    let isCancelled = false
    const head = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(head)),
      cancel: () => void (isCancelled = true),
    })
    const request = new Request('http://a.example/', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    })
    for await (const part of readMultipart(request)) {
      expect(part.name).toBe('a')
      break
    }
    expect(isCancelled).toBe(true)
  })

  it('refuses invalid limits', async () => {
    await expect(read(form({}), { maxParts: 0 })).rejects.toMatchObject({ option: 'maxParts' })
  })
})

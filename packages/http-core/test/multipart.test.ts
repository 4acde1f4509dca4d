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
    ['content that is none', raw('hello'), {}, 400, 'malformed'],
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

  it('refuses limits that are none', async () => {
    await expect(read(form({}), { maxParts: 0 })).rejects.toMatchObject({ option: 'maxParts' })
  })
})

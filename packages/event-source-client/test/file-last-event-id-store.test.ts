import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createEventSource } from '../src/index.ts'
import { fileLastEventIdStore } from '../src/node/index.ts'
import { createMemoryServer } from './memory-transport.ts'

describe('a store in a file', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'last-event-id-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  it('a store in a file has nothing at first, then what was saved last, and leaves no other file', async () => {
    const store = fileLastEventIdStore(join(folder, 'position'))
    expect(await store.load()).toBeUndefined()
    await store.save('e-1')
    await store.save('ü…')
    expect(await fileLastEventIdStore(join(folder, 'position')).load()).toBe('ü…')
    expect(await readdir(folder)).toEqual(['position'])
  })

  it('a store in a file reports that it cannot be read or written', async () => {
    await expect(fileLastEventIdStore(folder).load()).rejects.toMatchObject({ code: 'EISDIR' })
    await expect(fileLastEventIdStore(join(folder, 'no', 'such')).save('1')).rejects.toMatchObject({
      code: 'ENOENT',
    })
  })

  it('with a store in a file, a client resumes where the previous client was', async () => {
    const path = join(folder, 'position')
    await writeFile(path, 'e-41')
    const server = createMemoryServer()
    const client = createEventSource('http://test/', {
      transport: server.transport,
      lastEventIdStore: fileLastEventIdStore(path),
    })
    client.onAny(() => {})
    await expect.poll(() => server.exchanges.length).toBe(1)
    expect(server.last.request.headers.get('last-event-id')).toBe('e-41')
    server.last.respond()
    server.last.write('id: e-42\ndata: a\n\n')
    client.close()
    await client.closed
    expect(await fileLastEventIdStore(path).load()).toBe('e-42')
  })
})

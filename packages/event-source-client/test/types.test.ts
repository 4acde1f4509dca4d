import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const buildConfig = join(import.meta.dirname, '../tsconfig.build.json')

const program = `
import { createEventSource, EventSource } from './types/index.js'
import type { EventSourceOptions, StandardSchema } from './types/index.js'

export async function follow(): Promise<string> {
  const client = createEventSource('http://test/')
  for await (const { data } of client) console.log(data.length)
  const source = new EventSource('http://test/')
  source.addEventListener('price', (event) => console.log(event.data, event.lastEventId))
  source.addEventListener('error', ({ error }) => console.log(error?.code))
  source.removeEventListener('open', { handleEvent: (event) => console.log(event.type) })
  source.addEventListener('price', function () {
    this.close()
  })
  source.onmessage = function () {
    this.close()
  }
  const text: string[] = []
  client.on('paid', (event) => text.push(event.data.toUpperCase()))
  client.onAny((event) => text.push(event.data.toUpperCase()))
  createEventSource('http://test/', { data: 'json' }).on('paid', (event) => console.log(event.data))
  return client.closed
}

export function watch(paid: StandardSchema<{ total: number }>, headers: Record<string, string> | undefined): void {
  const orders = createEventSource('http://test/', { events: { paid } })
  orders.on('paid', (event) => event.data.total.toFixed())
  orders.on('stream.end', (event) => event.data.reason === 'completed')
  const maybe = undefined as string | undefined
  const options: EventSourceOptions = { headers, method: maybe, lastEventId: maybe, signal: undefined, fetch: undefined }
  createEventSource('http://test/', options)
  new EventSource('http://test/', { headers, withCredentials: undefined })
}
`

describe('the published types', () => {
  let directory = ''

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'event-source-types-'))
    const declarations = ['--emitDeclarationOnly', '--noCheck', '--outDir', join(directory, 'types')]
    await run(process.execPath, [tsc, '-p', buildConfig, ...declarations])
    await writeFile(join(directory, 'program.ts'), program)
    await writeFile(join(directory, 'package.json'), '{ "type": "module" }')
  })

  afterAll(() => rm(directory, { recursive: true }))

  const oldTsc = join(dirname(createRequire(import.meta.url).resolve('typescript-5/package.json')), 'bin/tsc')

  it.each([
    ['DOM, and nothing newer than ES2022', { lib: ['ES2022', 'DOM'] }],
    ['the newest of all', { lib: ['ESNext', 'DOM', 'DOM.Iterable'] }],
    ['exact optional properties', { lib: ['ES2022', 'DOM'], exactOptionalPropertyTypes: true }],
    [
      'a tsconfig that is not strict, as Next.js writes it',
      { lib: ['ES2022', 'DOM'], strict: false, noImplicitThis: true },
    ],
  ])('the published types need no more than %s', async (_name, more) => {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      module: 'NodeNext',
      target: 'ES2022',
      types: [],
      ...more,
    }
    await writeFile(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['program.ts'] }),
    )
    for (const compiler of [tsc, oldTsc]) {
      const compiled = run(process.execPath, [compiler, '-p', directory])
      await expect(compiled.catch((error: { stdout: string }) => error)).resolves.toMatchObject({
        stdout: '',
      })
    }
  })
})

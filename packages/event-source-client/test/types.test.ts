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

export async function follow(): Promise<string> {
  const client = createEventSource('http://test/')
  for await (const { data } of client) console.log(data.length)
  const source = new EventSource('http://test/')
  source.addEventListener('price', (event) => console.log(event.data, event.lastEventId))
  source.addEventListener('error', ({ error }) => console.log(error?.code))
  source.removeEventListener('open', { handleEvent: (event) => console.log(event.type) })
  return client.closed
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

  it.each([
    ['DOM, and nothing newer than ES2022', ['ES2022', 'DOM']],
    ['the newest of all', ['ESNext', 'DOM', 'DOM.Iterable']],
  ])('the published types need no more than %s', async (_name, lib) => {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      module: 'NodeNext',
      target: 'ES2022',
      lib,
      types: [],
    }
    await writeFile(
      join(directory, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['program.ts'] }),
    )
    const compiled = run(process.execPath, [tsc, '-p', directory])
    await expect(compiled.catch((error: { stdout: string }) => error)).resolves.toMatchObject({ stdout: '' })
  })
})

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPackedProject, root, run } from './packed-project.ts'
import type { PackedProject } from './packed-project.ts'

// The path of a user who reads the README of @sse-toolkit/testing: an empty project, the packed packages, and the README's files
// as they stand there.

const readme = join(root, 'packages/testing/README.md')

/** The README's blocks that begin with the name of a file. */
async function readmeFiles(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(readme, 'utf8')
  const blocks = [...text.matchAll(/^```tsx?(?: no-run)?\n(\/\/ ([\w.-]+)[^\n]*\n[^]*?)^```/gm)]
  return new Map(blocks.map(([, code = '', name = '']) => [name, code]))
}

describe('the README of @sse-toolkit/testing, in an empty project', () => {
  let packed: PackedProject
  let files: ReadonlyMap<string, string>

  beforeAll(async () => {
    files = await readmeFiles()
    const { devDependencies: versions } = JSON.parse(
      await readFile(join(root, 'test/package.json'), 'utf8'),
    ) as { readonly devDependencies: Readonly<Record<string, string>> }
    const { devDependencies: own } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      readonly devDependencies: Readonly<Record<string, string>>
    }
    packed = await createPackedProject(
      ['testing', 'event-source-client', 'sse-server'],
      [
        `vitest@${own['vitest']}`,
        `@types/node@${own['@types/node']}`,
        `@types/react@${versions['@types/react']}`,
        'react@19.3.1',
        'react-dom@19.3.1',
        'jsdom@31.0.1',
        '@testing-library/dom@10.4.2',
        '@testing-library/react@16.3.3',
      ],
    )
    for (const [name, code] of files) await writeFile(join(packed.folder, name), code)
  }, 180_000)

  afterAll(() => packed[Symbol.asyncDispose]())

  it('shows the test of a component, of a route, and of a resume', () => {
    expect([...files.keys()]).toEqual([
      'prices.tsx',
      'prices.test.tsx',
      'vitest.config.ts',
      'vitest.setup.ts',
      'orders.test.ts',
      'resume.test.ts',
    ])
  })

  it('passes its own tests', async () => {
    const vitest = join(packed.folder, 'node_modules/vitest/vitest.mjs')
    const output = await run(process.execPath, [vitest, 'run'], packed.folder, { NO_COLOR: '1' })
    expect(output).toMatch(/^ +Tests +6 passed \(6\)$/m)
  })

  it('compiles, with the types of the matchers', async () => {
    const compilerOptions = {
      target: 'ES2024',
      lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'],
      module: 'NodeNext',
      jsx: 'react-jsx',
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      types: ['node'],
    }
    await writeFile(join(packed.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }))
    const tsc = join(root, 'node_modules/.bin/tsc')
    expect(await run(tsc, ['-p', '.', '--pretty', 'false'], packed.folder)).toBe('')
  })

  it('keeps node:* and vitest out of the imports of a component test', async () => {
    const folder = join(packed.folder, 'without-node')
    await mkdir(folder)
    await writeFile(
      join(folder, 'program.ts'),
      `import { createFakeServer } from '@sse-toolkit/testing'
       export const source: EventSource = new (createFakeServer().EventSource)('/prices')
       export const request: typeof fetch = createFakeServer().fetch
      `,
    )
    const compilerOptions = {
      target: 'ES2024',
      lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'],
      module: 'ESNext',
      moduleResolution: 'bundler',
      strict: true,
      noEmit: true,
      types: [],
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
    expect(await run(join(root, 'node_modules/.bin/tsc'), ['-p', '.', '--pretty', 'false'], folder)).toBe('')
  })
})

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { filesBelow, readSource, root } from './source-files.ts'

// Every TypeScript example that carries its imports is a program: it is compiled and run, and where a line ends in a
// comment that is a literal, its value must be that. A fragment of one has no imports, and is left alone.

interface Example {
  readonly name: string
  readonly code: string
  /** Marked `no-run`: a server that would not end. It is only compiled. */
  readonly runs: boolean
}

const folder = join(root, 'test/documentation-examples')

function examplesOf(path: string): readonly Example[] {
  const text = readSource(path)
  const fence = path.endsWith('.md')
    ? /^```ts( no-run)?\n([^]*?)^```/gm
    : /^ *\* ```ts( no-run)?\n([^]*?)^ *\* ```/gm
  return [...text.matchAll(fence)]
    .map(([, mark, block = '']) => ({
      runs: mark === undefined,
      // In a docstring the end of a comment has to be written apart.
      code: path.endsWith('.md') ? block : block.replaceAll(/^ *\* ?/gm, '').replaceAll('*\\/', '*/'),
    }))
    .filter(({ code }) => /^import /m.test(code))
    .map(({ code, runs }, index) => ({ name: `${path} #${index + 1}`, code, runs }))
}

function toProgram(code: string): string {
  const asserted = code.replaceAll(
    /^(?!import |export |const |let |\s)(.+?);? \/\/ ((?:['"`[{\d-]|true$|false$|null$|undefined$).*)$/gm,
    (_line, expression: string, value: string) => `assert.deepStrictEqual(${expression}, ${value})`,
  )
  return `import assert from 'node:assert/strict'\n${asserted}\nvoid assert\n`
}

const examples = ['README.md', ...filesBelow('packages'), ...filesBelow('docs')]
  .filter((path) => path.endsWith('.md') || (path.includes('/src/') && path.endsWith('.ts')))
  // What the site makes of the docstrings, if it was built here.
  .filter((path) => !path.startsWith('docs/reference/api/'))
  .flatMap(examplesOf)
const files = new Map(examples.map((example, index) => [example, `example-${index}.ts`]))

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const [{ code }, file] of files) writeFileSync(join(folder, file), toProgram(code))
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.base.json',
      compilerOptions: {
        isolatedDeclarations: false,
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ['.'],
    }),
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the examples of READMEs, docs and docstrings', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThan(5)
  })

  it('compile', async () => {
    await using compiler = await startProcess({
      command: join(root, 'node_modules/.bin/tsc'),
      args: ['-p', folder, '--pretty', 'false'],
    })
    await compiler.exited
    const named = compiler.stdout.replaceAll(
      /example-\d+\.ts/g,
      (file) => [...files].find(([, name]) => name === file)?.[0].name ?? file,
    )
    expect(named).toBe('')
  }, 60_000)

  it.each(examples.filter(({ runs }) => runs))('$name runs', async (example) => {
    await using program = await startProcess({ args: [join(folder, files.get(example) ?? '')], cwd: folder })
    const { code } = await program.exited
    expect({ code, stderr: program.stderr }).toEqual({ code: 0, stderr: '' })
  })
})

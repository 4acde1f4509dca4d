import { dirname, posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, importsOf, readSource } from './source-files.ts'

// The allowed imports between packages (ARCHITECTURE.md). A package that is not listed imports no package of ours.
const allowed: Readonly<Record<string, readonly string[]>> = {
  'sse-redis': ['@sse-toolkit/sse-server'],
  'sse-sqlite': ['@sse-toolkit/sse-server'],
  // The command line over the other packages.
  cli: ['@sse-toolkit/event-source-client', '@sse-toolkit/http-core', '@sse-toolkit/sse-server'],
}

// Packages that run on Node's own modules throughout.
const nodePackages: ReadonlySet<string> = new Set(['sse-sqlite'])

const packages = [...new Set(filesBelow('packages').map((path) => path.split('/')[1] ?? ''))]
const sourceFiles = packages.flatMap((name) =>
  filesBelow(`packages/${name}/src`).filter((path) => path.endsWith('.ts')),
)
const webFiles = sourceFiles.filter((path) => !runsOnNodeOnly(path))

function runsOnNodeOnly(path: string): boolean {
  return path.includes('/src/node/') || path.endsWith('.node.ts') || nodePackages.has(packageOf(path))
}

function packageOf(path: string): string {
  return path.split('/')[1] ?? ''
}

function isForeign(name: string, specifier: string): boolean {
  if (!specifier.startsWith('@sse-toolkit/')) return false
  return !(allowed[name] ?? []).some((each) => specifier === each || specifier.startsWith(`${each}/`))
}

/** `file: what is wrong with it`, for each import that is wrong. */
function violations(
  files: readonly string[],
  isWrong: (specifier: string, path: string) => boolean,
): readonly string[] {
  return files.flatMap((path) =>
    importsOf(readSource(path))
      .filter((specifier) => isWrong(specifier, path))
      .map((specifier) => `${path}: ${specifier}`),
  )
}

describe('the layers', () => {
  it('there are packages to check', () => {
    expect(packages).toEqual(expect.arrayContaining(['sse-server', 'http-core', 'event-source-client']))
    expect(webFiles.length).toBeGreaterThan(50)
  })

  it('packages import only the packages of ours that they may', () => {
    expect(violations(sourceFiles, (specifier, path) => isForeign(packageOf(path), specifier))).toEqual([])
  })

  it('packages depend only on the packages of ours that they may', () => {
    const wrong = packages.flatMap((name) => {
      const { dependencies = {}, peerDependencies = {} } = JSON.parse(
        readSource(`packages/${name}/package.json`),
      ) as Record<string, Record<string, string> | undefined>
      return Object.keys({ ...dependencies, ...peerDependencies })
        .filter((each) => isForeign(name, each))
        .map((each) => `${name}: ${each}`)
    })
    expect(wrong).toEqual([])
  })

  it("only files for Node import Node's modules", () => {
    expect(violations(webFiles, (specifier) => /^node:|^undici$|^ws$/.test(specifier))).toEqual([])
  })

  it('only files of the React hooks import React', () => {
    expect(
      violations(sourceFiles, (specifier, path) => specifier === 'react' && !path.includes('/src/react/')),
    ).toEqual([])
  })

  it('no file on web standards imports a file for Node, not even indirectly', () => {
    expect(
      violations(
        webFiles,
        (specifier, path) =>
          specifier.startsWith('.') && runsOnNodeOnly(posix.join(dirname(path), specifier)),
      ),
    ).toEqual([])
  })

  it('imports within a package are relative, carry their extension, and stay inside the package', () => {
    expect(
      violations(
        sourceFiles,
        (specifier, path) =>
          specifier.startsWith('.') &&
          !(
            specifier.endsWith('.ts') &&
            posix.join(dirname(path), specifier).startsWith(`packages/${packageOf(path)}/src/`)
          ),
      ),
    ).toEqual([])
  })
})

describe('the habits that a test can check', () => {
  it('no file has a catch-all name', () => {
    expect(filesBelow('.').filter((path) => /(^|\/)(utils?|helpers?|misc|common)\.tsx?$/.test(path))).toEqual(
      [],
    )
  })

  it('index.ts holds explicit named exports, and nothing else', () => {
    const statement = /^(?:export (?:type )?\{[^}]*\} from '[^']+'\s*)+$/
    const wrong = sourceFiles
      .filter((path) => path.endsWith('/index.ts'))
      .filter((path) => !statement.test(withoutComments(readSource(path)).trim()))
    expect(wrong).toEqual([])
  })

  it('only wire-contract/ knows the words of the wire contract', () => {
    const words = /['"`](?:stream\.|heartbeat |topic: |opaque ids|earliest['"`])|\blastEventId['"]\)/
    const wrong = ['sse-server', 'event-source-client', 'testing'].flatMap((name) =>
      filesBelow(`packages/${name}/src`)
        .filter((path) => path.endsWith('.ts') && !path.includes('/wire-contract/'))
        .filter((path) => words.test(withoutComments(readSource(path)))),
    )
    expect(wrong).toEqual([])
  })

  it('constants are in camelCase, except for names from a standard or the public interface', () => {
    const named = new Set(['CONNECTING', 'OPEN', 'CLOSED', 'EVENT_STREAM_HEADERS'])
    const wrong = sourceFiles.flatMap((path) =>
      [...readSource(path).matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]+)\b/gm)]
        .map(([, name = '']) => name)
        .filter((name) => !named.has(name))
        .map((name) => `${path}: ${name}`),
    )
    expect(wrong).toEqual([])
  })

  it('no source file of a package is longer than 350 lines', () => {
    const wrong = packages
      .flatMap((name) => filesBelow(`packages/${name}/src`))
      .map((path) => `${path}: ${readSource(path).split('\n').length - 1}`)
      .filter((each) => Number(each.split(': ')[1]) > 350)
    expect(wrong).toEqual([])
  })

  it('time, timers and randomness come from the runtime', () => {
    const hidden =
      /(?<![.\w])(?:Date\.now|performance\.now|Math\.random|setTimeout|setInterval|setImmediate)\s*\(|\bnew Date\(\)/
    // A method of that name is the runtime's own; a contract is run by test runners, on their clock.
    const declaration = /^\s*(?:readonly )?set\w+\s*\(.*\)\s*(?::.*|\{)$/
    const wrong = sourceFiles
      .filter((path) => !/\/runtime\.ts$|\/contract\/harness\.ts$/.test(path))
      .flatMap((path) =>
        withoutComments(readSource(path))
          .split('\n')
          .filter((line) => hidden.test(line) && !declaration.test(line))
          .map((line) => `${path}: ${line.trim()}`),
      )
    expect(wrong).toEqual([])
  })
})

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/(?<!:)\/\/.*$/gm, '')
}

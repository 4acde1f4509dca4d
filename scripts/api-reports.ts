/**
 * The public surface of each entry point, as a report under version control (etc/api): a change of the surface shows in the
 * diff of its report.
 *
 *     node scripts/api-reports.ts            fails if a report differs from what the built packages declare
 *     node scripts/api-reports.ts --update   writes the reports
 *
 * It reads the declarations in `dist/`, so build the packages first.
 */
import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  ExtractorLogLevel,
  ExtractorMessageCategory,
} from '@microsoft/api-extractor'
import type { ExtractorMessage } from '@microsoft/api-extractor'
import { publishedPackages, root } from './published-packages.ts'
import type { EntryPoint, PublishedPackage } from './published-packages.ts'

interface Surface {
  readonly owner: PublishedPackage
  readonly specifier: string
  /** Its file name, such as `sse-server.node.api.md`. */
  readonly report: string
  /** Types that it names and does not export. */
  readonly unexported: readonly string[]
}

const reportFolder = join(root, 'etc/api')
const update = process.argv.includes('--update')
const newReports = await mkdtemp(join(tmpdir(), 'sse-toolkit-api-'))

const declarationsOf = ({ file }: EntryPoint): string => file.replace(/\.js$/, '.d.ts')

/**
 * Whether a report also shows the types that its entry point names and does not export. Those of a package's main entry point
 * are in no other report. A subpath mostly names types of the main entry point, whose report has them already.
 */
const showsUnexported = (owner: PublishedPackage, { specifier }: EntryPoint): boolean =>
  specifier === owner.manifest.name ||
  owner.entryPoints.every((entryPoint) => entryPoint.specifier !== owner.manifest.name)

const reportOf = ({ specifier }: EntryPoint): string =>
  `${specifier.replace('@sse-toolkit/', '').replaceAll('/', '.')}.api.md`

function configOf(owner: PublishedPackage, entryPoint: EntryPoint): ExtractorConfig {
  const compilerOptions = {
    target: 'ES2024',
    lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  }
  const silent = { logLevel: ExtractorLogLevel.None }
  return ExtractorConfig.prepare({
    configObject: {
      projectFolder: owner.folder,
      mainEntryPointFilePath: declarationsOf(entryPoint),
      compiler: { overrideTsconfig: { compilerOptions, files: [declarationsOf(entryPoint)] } },
      apiReport: {
        enabled: true,
        reportFileName: reportOf(entryPoint),
        reportFolder: newReports,
        reportTempFolder: join(newReports, 'temp'),
        includeForgottenExports: showsUnexported(owner, entryPoint),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.Error } },
        extractorMessageReporting: {
          default: silent,
          'ae-forgotten-export': { logLevel: ExtractorLogLevel.Warning },
        },
        tsdocMessageReporting: { default: silent },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(owner.folder, 'package.json'),
  })
}

function extract(owner: PublishedPackage, entryPoint: EntryPoint, compilerState: CompilerState): Surface {
  const unexported: string[] = []
  const messageCallback = (message: ExtractorMessage): void => {
    // The name as it is declared: of two types with one name, the report calls the second `Name_2`.
    const [, symbol] = /The symbol "(\w+?)(?:_\d+)?" needs/.exec(message.text) ?? []
    if (message.messageId === 'ae-forgotten-export' && symbol !== undefined) unexported.push(symbol)
    // The compiler's errors are printed. Reports are compared below, so the extractor's own account of them is not.
    if (message.category !== ExtractorMessageCategory.Compiler) message.handled = true
  }
  const config = configOf(owner, entryPoint)
  const { errorCount } = Extractor.invoke(config, { localBuild: true, compilerState, messageCallback })
  if (errorCount > 0) throw new Error(`${entryPoint.specifier}: its declarations do not compile.`)
  return { owner, specifier: entryPoint.specifier, report: reportOf(entryPoint), unexported }
}

/** The types that a report shows, exported or not. */
async function shownIn(report: string): Promise<string[]> {
  const text = await readFile(join(newReports, report), 'utf8')
  const declared = text.matchAll(
    /^(?:export )?(?:abstract )?(?:class|const|function|interface|type) (\w+?)(?:_\d+)?\b/gm,
  )
  const renamed = text.matchAll(/^export \{ \w+ as (\w+) \}/gm)
  return [...declared, ...renamed].map(([, name = '']) => name)
}

/** Types that a surface names, and that no report of its package shows: a change of them would go unnoticed. */
async function shownNowhere({ owner, unexported }: Surface): Promise<string[]> {
  const shown = new Set((await Promise.all(owner.entryPoints.map((each) => shownIn(reportOf(each))))).flat())
  return unexported.filter((name) => !shown.has(name))
}

const packages = await publishedPackages()
const all = packages.flatMap((owner) => owner.entryPoints.map((entryPoint) => ({ owner, entryPoint })))
const [first, ...rest] = all
if (first === undefined) throw new Error('There is no published package.')
const compilerState = CompilerState.create(configOf(first.owner, first.entryPoint), {
  additionalEntryPoints: rest.map(({ entryPoint }) => declarationsOf(entryPoint)),
})

const failures: string[] = []
const surfaces = all.map(({ owner, entryPoint }) => extract(owner, entryPoint, compilerState))
for (const surface of surfaces) {
  const names = await shownNowhere(surface)
  if (names.length > 0)
    failures.push(`${surface.specifier} names types that no report shows: ${names.join(', ')}. Export them.`)
}

await mkdir(reportFolder, { recursive: true })
const committed = (await readdir(reportFolder)).filter((file) => file.endsWith('.api.md'))
const stale = committed.filter((file) => surfaces.every(({ report }) => report !== file))
if (update) {
  for (const file of stale) await rm(join(reportFolder, file))
  for (const { report } of surfaces) await copyFile(join(newReports, report), join(reportFolder, report))
} else {
  for (const file of stale) failures.push(`etc/api/${file} is of an entry point that does not exist.`)
  for (const { report } of surfaces) {
    const before = committed.includes(report) ? join(reportFolder, report) : '/dev/null'
    const { status, stdout } = spawnSync('diff', ['-u', before, join(newReports, report)], {
      encoding: 'utf8',
    })
    if (status !== 0)
      failures.push(`${relative(root, join(reportFolder, report))} differs from what is built:\n${stdout}`)
  }
  if (failures.length > 0)
    failures.push('If the change is intended, run `pnpm api:update` and commit the reports with it.')
}
await rm(newReports, { recursive: true })

for (const failure of failures) console.error(failure)
if (failures.length === 0) console.log(`${surfaces.length} entry points, as etc/api has them`)
process.exitCode = failures.length === 0 ? 0 : 1

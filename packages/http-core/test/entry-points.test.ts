import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const folder = fileURLToPath(new URL('..', import.meta.url))

/** The packages of others that an entry point loads. */
async function loadedBy(entry: string): Promise<string[]> {
  const program = `
    import { registerHooks } from 'node:module'
    const found = new Set()
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/((?:@[^/]+\\/)?[^/@]+)\\/(?!.*node_modules\\/)/.exec(url)?.[1]
        if (name !== undefined) found.add(name)
        return next(url, context)
      },
    })
    await import('@sse-toolkit/http-core${entry}')
    console.log(JSON.stringify([...found].toSorted()))
  `
  const args = ['--conditions=@sse-toolkit/source', '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder })
  return JSON.parse(stdout) as string[]
}

describe('an entry point loads what it needs, and no more', () => {
  it.each([
    ['', ['rou3']],
    ['/node', []],
    ['/logging', []],
    ['/web-socket', ['ws']],
    ['/compression', ['content-type', 'negotiator']],
    ['/multipart', ['@fastify/busboy']],
  ])('@sse-toolkit/http-core%s', async (entry, packages) => {
    expect(await loadedBy(entry)).toEqual(packages)
  })

  it('@sse-toolkit/http-core/metrics', async () => {
    expect(await loadedBy('/metrics')).toContain('@prometheus-io/client')
  })
})

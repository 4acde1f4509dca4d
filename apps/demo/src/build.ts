import { mkdir, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { MANIFEST } from './built-page-files.ts'
import type { PageManifest } from './built-page-files.ts'
import { buildPageFiles } from './server/page-files.ts'

/*
 * Makes what is deployed, out of the workspace:
 *
 *     dist/server.js   all of the server, its dependencies among it: `node dist/server.js --host 0.0.0.0`
 *     dist/page/       the page's files, and a manifest of them
 *     dist/package.json  says that the server is a module
 */
const DIST = new URL('../dist/', import.meta.url)
const LOCAL_PAGE_FILES = fileURLToPath(new URL('server/page-files.ts', import.meta.url))
const BUILT_PAGE_FILES = fileURLToPath(new URL('built-page-files.ts', import.meta.url))

await rm(DIST, { recursive: true, force: true })
await mkdir(new URL('page/', DIST), { recursive: true })
await Promise.all([buildPage(), buildServer()])
await writeFile(new URL('package.json', DIST), `${JSON.stringify({ private: true, type: 'module' })}\n`)

async function buildPage(): Promise<void> {
  const manifest: Record<string, PageManifest[string]> = {}
  for (const [path, { contentType, content }] of await buildPageFiles()) {
    const file = path === '/' ? 'index.html' : path.slice(1)
    manifest[path] = { file, contentType }
    await writeFile(new URL(`page/${file}`, DIST), content)
  }
  await writeFile(new URL(`page/${MANIFEST}`, DIST), `${JSON.stringify(manifest, null, 2)}\n`)
}

async function buildServer(): Promise<void> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('main.ts', import.meta.url)),
    platform: 'node',
    resolve: { conditionNames: ['@sse-toolkit/source', 'node', 'import', 'default'] },
    plugins: [
      {
        name: 'the page was built already',
        // The bundler stays out of what it bundles.
        load: {
          handler: (id) =>
            id === LOCAL_PAGE_FILES ? `export * from ${JSON.stringify(BUILT_PAGE_FILES)}` : null,
        },
      },
    ],
  })
  try {
    await bundle.write({
      dir: fileURLToPath(DIST),
      format: 'esm',
      entryFileNames: 'server.js',
      codeSplitting: false,
    })
  } finally {
    await bundle.close()
  }
}

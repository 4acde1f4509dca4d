import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

/** A file of the page, as it is served. */
interface PageFile {
  readonly contentType: string
  readonly content: string
}

export type PageFiles = ReadonlyMap<string, PageFile>

const PAGE = new URL('../page/', import.meta.url)
/** In cascade order: what comes later may refine what came before. */
const STYLE_SHEETS = [
  'base.css',
  'masthead.css',
  'nav.css',
  'promise.css',
  'journal.css',
  'charts.css',
  'connection/connection.css',
  'topics/topics.css',
  'presence/presence.css',
  'load/load.css',
  'inspect/inspect.css',
]

/**
 * Makes the page's files, in memory: the TypeScript is bundled from source, so that there is no build step before and
 * no build output after.
 *
 * @throws what the bundler throws, when the source does not compile.
 */
export async function buildPageFiles(): Promise<PageFiles> {
  const [html, icon, style, script] = await Promise.all([
    readFile(new URL('index.html', PAGE), 'utf8'),
    readFile(new URL('icon.svg', PAGE), 'utf8'),
    joinStyleSheets(),
    bundleScript(),
  ])
  return new Map([
    ['/', { contentType: 'text/html; charset=utf-8', content: html }],
    ['/icon.svg', { contentType: 'image/svg+xml', content: icon }],
    ['/page.css', { contentType: 'text/css; charset=utf-8', content: style }],
    ['/page.js', { contentType: 'text/javascript; charset=utf-8', content: script.code }],
    ['/page.js.map', { contentType: 'application/json', content: script.map }],
  ])
}

async function joinStyleSheets(): Promise<string> {
  // The package has no entry for its style sheet; it lies next to its main file.
  const uplot = createRequire(import.meta.url).resolve('uplot')
  const sheets = [new URL('uPlot.min.css', pathToFileURL(uplot))]
  for (const name of STYLE_SHEETS) sheets.push(new URL(name, PAGE))
  return (await Promise.all(sheets.map((sheet) => readFile(sheet, 'utf8')))).join('\n')
}

async function bundleScript(): Promise<{ code: string; map: string }> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('main.ts', PAGE)),
    platform: 'browser',
    resolve: { conditionNames: ['@sse-toolkit/source', 'browser', 'import', 'default'] },
  })
  try {
    const { output } = await bundle.generate({
      format: 'esm',
      sourcemap: true,
      entryFileNames: 'page.js',
      codeSplitting: false,
    })
    const [chunk, ...others] = output
    const map = others.find((other) => other.type === 'asset' && other.fileName === 'page.js.map')
    if (map?.type !== 'asset') throw new Error('the bundler made no source map')
    return { code: chunk.code, map: String(map.source) }
  } finally {
    await bundle.close()
  }
}

import { basename } from 'node:path'
import { build } from 'esbuild-wasm'
import type { Metafile } from 'esbuild-wasm'

export interface Bundle {
  /** What a page loads at first. */
  readonly code: string
  /** What it loads when it is needed, by file name. Empty unless `split`: then all is in `code`. */
  readonly chunks: ReadonlyMap<string, string>
  readonly metafile: Metafile
}

/** Bundles TypeScript for browsers from the sources, as a user's bundler does from the package. */
export async function bundleForBrowsers(
  contents: string,
  options: {
    minify?: boolean
    format?: 'esm' | 'iife'
    split?: boolean
    resolveDir?: string
    external?: string[]
  } = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: options.resolveDir ?? import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    target: 'es2022',
    format: options.format ?? 'esm',
    minify: options.minify ?? false,
    splitting: options.split ?? false,
    outdir: 'out',
    external: options.external ?? [],
    conditions: ['@sse-toolkit/source'],
  })
  const chunks = new Map(outputFiles.map(({ path, text }) => [basename(path), text]))
  const code = chunks.get('stdin.js') ?? ''
  chunks.delete('stdin.js')
  return { code, chunks, metafile }
}

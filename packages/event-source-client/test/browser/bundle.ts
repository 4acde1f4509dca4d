import { build } from 'esbuild-wasm'
import type { Metafile } from 'esbuild-wasm'

export interface Bundle {
  readonly code: string
  readonly metafile: Metafile
}

/** Bundles TypeScript for browsers from the sources, as a user's bundler does from the package. */
export async function bundleForBrowsers(
  contents: string,
  options: { minify?: boolean; format?: 'esm' | 'iife' } = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'browser',
    target: 'es2022',
    format: options.format ?? 'esm',
    minify: options.minify ?? false,
    conditions: ['@sse-toolkit/source'],
  })
  return { code: outputFiles[0]?.text ?? '', metafile }
}

import { readFile } from 'node:fs/promises'
import type { PageFiles } from './server/page-files.ts'

/** Beside the built server, in `page/`: which file is served where, and as what. */
export type PageManifest = Readonly<Record<string, { readonly file: string; readonly contentType: string }>>

export const MANIFEST = 'manifest.json'

/** Replaces `buildPageFiles` in a built server: the page lies next to the server. */
export async function buildPageFiles(): Promise<PageFiles> {
  const folder = new URL('./page/', import.meta.url)
  const manifest = JSON.parse(await readFile(new URL(MANIFEST, folder), 'utf8')) as PageManifest
  return new Map(
    await Promise.all(
      Object.entries(manifest).map(
        async ([path, { file, contentType }]) =>
          [path, { contentType, content: await readFile(new URL(file, folder), 'utf8') }] as const,
      ),
    ),
  )
}

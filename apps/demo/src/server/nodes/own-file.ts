import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A place for a log that ends with this demo. */
export interface OwnFile {
  readonly path: string
  remove(): Promise<void>
}

export async function makeOwnFile(): Promise<OwnFile> {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-demo-'))
  return {
    path: join(folder, 'events.db'),
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

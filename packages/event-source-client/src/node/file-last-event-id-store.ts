import { readFile, rename, writeFile } from 'node:fs/promises'
import type { LastEventIdStore } from '../last-event-id/last-event-id-store.ts'

/**
 * A store in a file: a process that restarts continues where it stopped.
 *
 * The file holds the id as UTF-8 text. Each save writes `<path>.tmp` and renames it, so a
 * crash leaves the old id or the new one. One file serves one stream of one process.
 *
 * @param path - Need not exist; its directory must.
 * @example
 * ```ts
 * import { createEventSource } from '@sse-toolkit/event-source-client'
 * import { fileLastEventIdStore } from '@sse-toolkit/event-source-client/node'
 *
 * export async function consume(work: (data: string) => Promise<void>): Promise<void> {
 *   const lastEventIdStore = fileLastEventIdStore('orders.position')
 *   for await (const { data } of createEventSource('http://localhost:8080/orders', { lastEventIdStore })) await work(data)
 * }
 * ```
 */
export function fileLastEventIdStore(path: string): LastEventIdStore {
  return {
    async load() {
      try {
        return await readFile(path, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    },
    async save(lastEventId) {
      await writeFile(`${path}.tmp`, lastEventId)
      await rename(`${path}.tmp`, path)
    },
  }
}

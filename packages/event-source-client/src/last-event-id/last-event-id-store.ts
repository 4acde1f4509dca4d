import { LastEventIdStoreError } from '../errors/last-event-id-store-error.ts'

/** Keeps the last event ID beyond the life of the client: a page's, or a process's. */
export interface LastEventIdStore {
  /** Called once, before the first connection. Undefined, null or '' if there is nothing. */
  load(): string | null | undefined | Promise<string | null | undefined>
  /**
   * Called when an event has been handed over: after its listeners ran, or when the loop asks for the next one. The client
   * waits for one save before it starts the next, and skips the ids that came in between but the last.
   */
  save(lastEventId: string): void | Promise<void>
}

/**
 * A store in the browser's `localStorage`.
 *
 * @param key - The key of the `localStorage` entry. Pages that share the key share the position.
 * @example
 * ```ts
 * import { createEventSource, localStorageStore } from '@sse-toolkit/event-source-client'
 * import type { EventSourceClient } from '@sse-toolkit/event-source-client'
 *
 * export function followOrders(): EventSourceClient {
 *   return createEventSource('/orders', { lastEventIdStore: localStorageStore('orders') })
 * }
 * ```
 */
export function localStorageStore(key: string): LastEventIdStore {
  return {
    load: () => localStorage.getItem(key),
    save: (lastEventId) => localStorage.setItem(key, lastEventId),
  }
}

/** Writes the newest of the positions that come, one at a time. */
export interface StoreWriter {
  save(lastEventId: string): void
  /** Resolves when the last position is saved, or has failed to be; undefined if it is. */
  flush(): Promise<void> | undefined
}

export function createStoreWriter(
  store: LastEventIdStore,
  onError: (error: LastEventIdStoreError) => void,
): StoreWriter {
  let next: string | undefined
  let writing: Promise<void> | undefined

  async function write(): Promise<void> {
    // One turn later, so that the events of one chunk are one save.
    await Promise.resolve()
    while (next !== undefined) {
      const lastEventId = next
      next = undefined
      try {
        await store.save(lastEventId)
      } catch (cause) {
        onError(new LastEventIdStoreError(lastEventId, { cause }))
      }
    }
    writing = undefined
  }

  return {
    save(lastEventId) {
      next = lastEventId
      writing ??= write()
    },
    flush: () => writing,
  }
}

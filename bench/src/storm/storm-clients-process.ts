/** The process of many clients, each of which keeps account of what it gets. */
import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceClient } from '@sse-toolkit/event-source-client'
import { serveCalls } from '../worker/serve-calls.ts'

interface Client {
  readonly source: EventSourceClient
  nextNumber: number
  /** When it had the first event on its next connection; undefined until then. */
  backAt: number | undefined
}

export interface Account {
  readonly missing: number
  readonly repeated: number
  readonly gaps: number
}

const openTimeoutMs = 30_000

const clients: Client[] = []
const account = { missing: 0, repeated: 0, gaps: 0 }
let markedAt = 0

const methods = {
  /** Opens the clients, some at once, and returns when all are open. */
  async open(url: string, count: number): Promise<void> {
    const atOnce = 100
    for (let opened = 0; opened < count; opened += atOnce) {
      const some = Array.from({ length: Math.min(atOnce, count - opened) }, () => openClient(url))
      await Promise.all(some)
    }
  },

  /** Earlier events are no longer requested. */
  mark(): void {
    markedAt = performance.now()
    for (const client of clients) client.backAt = undefined
  },

  /** How many have every event up to this one, and how long those that are back were away: seconds, in order. */
  progress(upTo: number): { readonly complete: number; readonly awayFor: readonly number[] } {
    const awayFor = clients.flatMap(({ backAt }) => (backAt === undefined ? [] : (backAt - markedAt) / 1000))
    return {
      complete: clients.filter(({ nextNumber }) => nextNumber > upTo).length,
      awayFor: awayFor.toSorted((one, other) => one - other),
    }
  },

  account(): Account {
    return account
  },
}

export type StormClientsMethods = typeof methods

function openClient(url: string): Promise<void> {
  const source = createEventSource(url)
  const client: Client = { source, nextNumber: 0, backAt: undefined }
  clients.push(client)
  let openedAt = 0
  source.onGap(() => {
    account.gaps += 1
  })
  source.on('message', ({ data }) => {
    const number = Number(data)
    if (number < client.nextNumber) account.repeated += 1
    else account.missing += number - client.nextNumber
    client.nextNumber = Math.max(client.nextNumber, number + 1)
    if (openedAt > markedAt) client.backAt ??= performance.now()
  })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TypeError('A client did not open')), openTimeoutMs)
    source.onStatus(({ state }) => {
      if (state !== 'open') return
      openedAt = performance.now()
      clearTimeout(timer)
      resolve()
    })
  })
}

serveCalls(methods)

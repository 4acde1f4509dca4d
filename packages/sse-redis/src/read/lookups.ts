import type { Position, Runtime, TopicState, TopicStatus } from '@sse-toolkit/sse-server'
import type { Command, Reply } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import { statusScript } from '../scripts/finite.ts'
import { headScript } from '../scripts/maintenance.ts'
import { RequestBatch } from './request-batch.ts'

const status = createScript(statusScript)
const head = createScript(headScript)

// How many topics one call looks up.
const pageSize = 500

/** What the hub looks up for every subscriber. */
export interface Lookups {
  readonly heads: RequestBatch<undefined, Position>
  readonly statuses: RequestBatch<string, TopicStatus>
}

interface LookupsOptions {
  readonly run: (command: Command) => Promise<Reply>
  readonly timeoutMs: number
  readonly runtime: Runtime
}

export function createLookups({ run, ...options }: LookupsOptions): Lookups {
  return {
    heads: new RequestBatch({
      ...options,
      send: async (items, timeoutMs) => {
        const operation = 'look up the head'
        const { epoch, seq } = await run({
          script: head,
          operation,
          changes: 'nothing',
          lane: 'reads',
          timeoutMs,
          args: () => [],
        })
        return items.map(() => ({ epoch, seq }))
      },
    }),
    statuses: new RequestBatch({
      ...options,
      send: (topics, timeoutMs) => lookUpStatuses(topics, timeoutMs, options.runtime, run),
    }),
  }
}

async function lookUpStatuses(
  topics: readonly string[],
  timeoutMs: number,
  runtime: Runtime,
  run: LookupsOptions['run'],
): Promise<readonly TopicStatus[]> {
  const deadline = runtime.now() + timeoutMs
  const statuses: TopicStatus[] = []
  for (let index = 0; index < topics.length; index += pageSize) {
    const page = topics.slice(index, index + pageSize)
    const { values } = await run({
      script: status,
      operation: page.length === 1 ? `look up ${page[0]}` : `look up ${page.length} topics`,
      changes: 'nothing',
      lane: 'reads',
      timeoutMs: deadline - runtime.now(),
      args: () => page,
    })
    statuses.push(...page.map((_, each) => statusOf(values.slice(each * 3, each * 3 + 3))))
  }
  return statuses
}

function statusOf([state, endSeq = '', lastSeq]: readonly string[]): TopicStatus {
  return {
    state: state as TopicState,
    endSeq: endSeq === '' ? undefined : Number(endSeq),
    lastSeq: Number(lastSeq),
  }
}

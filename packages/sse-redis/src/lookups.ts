import type { Position, Runtime, TopicState, TopicStatus } from '@sse-toolkit/sse-server'
import type { Command, Reply } from './commands.ts'
import { GatheredQuestion } from './gathered-question.ts'
import { createScript } from './script.ts'
import { statusScript } from './scripts/finite.ts'
import { headScript } from './scripts/sync.ts'

const status = createScript(statusScript)

// How many topics one call looks up.
const pageSize = 500

export const headCommand: Command = {
  script: createScript(headScript),
  operation: 'look up the head',
  changes: 'nothing',
  args: () => [],
}

/** What every subscriber asks when it comes. */
export interface Lookups {
  readonly heads: GatheredQuestion<undefined, Position>
  readonly statuses: GatheredQuestion<string, TopicStatus>
}

export function createLookups(
  ask: (command: Command) => Promise<Reply>,
  options: { readonly timeoutMs: number; readonly runtime: Runtime },
): Lookups {
  return {
    heads: new GatheredQuestion({
      ...options,
      ask: async (items, timeoutMs) => {
        const { epoch, seq } = await ask({ ...headCommand, timeoutMs })
        return items.map(() => ({ epoch, seq }))
      },
    }),
    statuses: new GatheredQuestion({
      ...options,
      ask: async (topics, timeoutMs) => {
        const statuses: TopicStatus[] = []
        for (let index = 0; index < topics.length; index += pageSize) {
          const page = topics.slice(index, index + pageSize)
          const operation = page.length === 1 ? `look up ${page[0]}` : `look up ${page.length} topics`
          const { values } = await ask({
            script: status,
            operation,
            changes: 'nothing',
            timeoutMs,
            args: () => page,
          })
          statuses.push(...page.map((_, each) => statusOf(values[each * 2], values[each * 2 + 1])))
        }
        return statuses
      },
    }),
  }
}

function statusOf(state: string | undefined, endSeq = ''): TopicStatus {
  return { state: state as TopicState, endSeq: endSeq === '' ? undefined : Number(endSeq) }
}

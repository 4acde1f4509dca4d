import type { TopicPattern } from '../topics/topic-pattern.ts'
import type { Access } from './authorization.ts'
import type { HubEventView, WireContract } from './hub-options.ts'
import type { Start } from './start.ts'
import type { UnendedTopics } from './unended-topics.ts'

/** What one subscription is. */
export interface SubscriptionTerms {
  readonly patterns: readonly TopicPattern[]
  readonly start: Start
  readonly filter: ((event: HubEventView) => boolean) | undefined
  readonly access: Access
  readonly wireContract: WireContract
  readonly unendedTopics: UnendedTopics
}

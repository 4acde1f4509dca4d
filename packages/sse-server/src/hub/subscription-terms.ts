import type { ConnectionSettings } from '../connection/connection-options.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import type { Access } from './authorization.ts'
import type { HubEventView, SubscribeOptions } from './hub-options.ts'
import type { Rendering } from './rendering.ts'
import type { Start } from './start.ts'
import type { UnendedTopics } from './unended-topics.ts'

/** What one subscription is. */
export interface SubscriptionTerms {
  readonly settings: ConnectionSettings
  readonly patterns: readonly TopicPattern[]
  readonly start: Start
  readonly filter: ((event: HubEventView) => boolean) | undefined
  readonly access: Access
  readonly rendering: Rendering
  readonly first: SubscribeOptions['first']
  readonly unendedTopics: UnendedTopics
  readonly onClose: SubscribeOptions['onClose']
}

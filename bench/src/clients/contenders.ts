import type { Contender } from '../benchmark.ts'
import type { OpenClient } from './reading-client.ts'

interface ClientContender extends Contender {
  readonly load: () => Promise<{ readonly open: OpenClient }>
}

export const undiciAndParser = 'bare undici.request + parser'
export const eventSourceClient = 'eventsource-client, callback'
export const eventSource = 'eventsource EventSource'

const ours = ['@sse-toolkit/event-source-client']

export const clientContenders: readonly ClientContender[] = [
  {
    name: 'createEventSource, listener',
    packages: ours,
    load: () => import('./create-event-source-listener.ts'),
  },
  {
    name: 'createEventSource, iterator',
    packages: ours,
    load: () => import('./create-event-source-iterator.ts'),
  },
  { name: 'our EventSource', packages: ours, load: () => import('./event-source-class.ts') },
  { name: eventSource, packages: ['eventsource'], load: () => import('./eventsource.ts') },
  {
    name: eventSourceClient,
    packages: ['eventsource-client'],
    load: () => import('./eventsource-client-callback.ts'),
  },
  {
    name: 'eventsource-client, iterator',
    packages: ['eventsource-client'],
    load: () => import('./eventsource-client-iterator.ts'),
  },
  {
    name: 'launchdarkly-eventsource',
    packages: ['launchdarkly-eventsource'],
    load: () => import('./launchdarkly.ts'),
  },
  {
    name: 'fetch-event-source',
    packages: ['@microsoft/fetch-event-source'],
    load: () => import('./fetch-event-source.ts'),
  },
  { name: 'undici EventSource', packages: ['undici'], load: () => import('./undici-event-source.ts') },
  {
    name: undiciAndParser,
    packages: ['undici', 'eventsource-parser'],
    load: () => import('./undici-and-parser.ts'),
  },
]

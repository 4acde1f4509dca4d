import type { TransportRequest } from '@sse-toolkit/event-source-client'
import type { Session } from './actors.ts'
import type { Fact } from './history.ts'
import { isTopicOf, isWildcard } from './topic-match.ts'
import { createBlockReader, createWireJudge } from './wire.ts'
import type { World } from './world.ts'

/** The filter that clients can ask for: whatever it lets through is as good as any other. */
export function passesFilter(data: string): boolean {
  return data.length % 3 !== 0
}

const slowestAnswerMs = 4000

export function openSession(world: World, process: string, { url, headers }: TransportRequest): Session {
  const { history, report } = world
  const client = url.searchParams.get('client') ?? ''
  const topics = url.searchParams.getAll('topic')
  const isFiltered = url.searchParams.has('filter')
  const token = headers.get('authorization')
  const grant = world.authority.grantOf(token)
  // What the hub has asked about. Without it nothing may be sent.
  const offered = isFiltered ? new Set<string>() : undefined
  let wasFinite = topics.every((topic) => world.jobHasBegun(topic))
  let beganAt = world.epochRank()
  let respondedAt = 0
  let revokedRank = Number.POSITIVE_INFINITY
  let isFirstBlock = true
  // The data that was sent to it, and the bytes that its output received, including framing.
  let sentLength = 0
  let writtenBytes = 0
  let isAborted = false
  let hasSaidEnd = false
  const isJobReader = topics.every((topic) => topic.startsWith('job.') && !isWildcard(topic))
  world.note(
    client,
    'asks',
    process,
    headers.get('last-event-id') ?? url.searchParams.get('lastEventId') ?? '',
  )
  const judge = createWireJudge(history, client, report)

  const violate = (text: string): void => report({ kind: 'not-authorized', actor: client, text })

  const readBlocks = createBlockReader((block) => {
    if (isFirstBlock) {
      isFirstBlock = false
      world.clientGotFirstBlock(client, { beganAt, respondedAt, wasFinite })
    }
    judge(block)
    const { id, type, hasData } = block
    const fact = id === undefined || !hasData || type.startsWith('stream.') ? undefined : history.at(id)
    if (fact === undefined) return
    if (!topics.some((topic) => isTopicOf(topic, fact.topic))) violate(`${fact.id} is of ${fact.topic}`)
    if (offered?.has(fact.id) === false) violate(`${fact.id} is sent, and its filter was not asked`)
    if (fact.index >= revokedRank) violate(`${fact.id} was stored after it was revoked`)
    if (grant !== undefined && fact.wallMs >= grant.expiresAt && !world.serverClockHasJumped())
      violate(`${fact.id} was stored after its grant had expired`)
  })

  const readWritten = createBlockReader(({ type }) => {
    hasSaidEnd ||= type === 'stream.end'
  })

  return {
    client,
    process,
    topics,
    filter: isFiltered
      ? ({ id, topic, data }) => {
          const wallMs = world.serverWallClock()
          if (grant === undefined || grant.expiresAt <= wallMs)
            violate(`${id} of ${topic} is to be sent, and its grant has expired`)
          offered?.add(id)
          const waitingBytes = sentLength - writtenBytes
          if (waitingBytes > world.limitBytes && world.settings.slowConsumer === 'disconnect') {
            const text = `${waitingBytes} bytes wait for it, and ${world.limitBytes} may`
            report({ kind: 'over-limit', actor: client, text })
          }
          const passes = passesFilter(data)
          if (passes && !isAborted) sentLength += data.length
          return passes
        }
      : undefined,
    onBytes: readBlocks,
    watch: (source) => ({
      attach: (sink) =>
        source.attach({
          write(shared) {
            writtenBytes += shared.bytes.byteLength
            readWritten(shared.bytes)
            return sink.write(shared)
          },
          get bufferedBytes() {
            return sink.bufferedBytes
          },
          close() {
            // A reader that knows nothing of `stream.end` believes a clean end.
            const { epoch, facts } = history
            // The hub may ask the log whether it has, and have the answer of a slow log later.
            const before = world.time.nowMs - slowestAnswerMs
            const hasBegun = ({ id, topic, atMs }: Fact): boolean =>
              topics.includes(topic) && id.startsWith(`${epoch}-`) && atMs < before
            if (isJobReader && !hasSaidEnd && facts.some(hasBegun))
              report({
                kind: 'wrong-end',
                actor: client,
                text: 'the response ends well, and this was not all',
              })
            sink.close()
          },
          cut: () => sink.cut?.(),
          abort() {
            isAborted = true
            sink.abort()
          },
        }),
    }),
    respond(status) {
      respondedAt = history.facts.length
      // What was begun is forgotten, if the log is.
      wasFinite &&= world.epochRank() === beganAt
      beganAt = world.epochRank()
      world.note(client, 'is answered', status)
      const mayHave = grant !== undefined && topics.every((topic) => isGrantedTopic(grant.topics, topic))
      const isGranted = mayHave && grant.expiresAt > world.serverWallClock()
      if ((status === 401 || status === 403) && isGranted && !world.serverClockHasJumped())
        report({ kind: 'wrong-answer', actor: client, text: `${status} to whom it was granted` })
      if (status === 200 && world.isForbiddenEverywhere(client)) violate('it is let in, and it is forbidden')
      if (status === 200 && !mayHave) violate('it is let in to what it was not granted')
      if (status === 410 && !topics.every((topic) => world.jobHasEnded(topic)))
        report({ kind: 'wrong-answer', actor: client, text: '410, and its topics have not ended' })
    },
    revoke() {
      revokedRank = Math.min(revokedRank, history.facts.length)
    },
  }
}

/** Grants are written so that this suffices: of everything, or of topics and patterns as they are asked for. */
function isGrantedTopic(granted: readonly string[], topic: string): boolean {
  return granted.includes('>') || granted.includes(topic)
}

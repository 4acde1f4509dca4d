import { createEventSource, ResponseError } from '@sse-toolkit/event-source-client'
import type {
  EventSourceCloseReason,
  EventSourceOptions,
  StreamFailure,
  StreamStatus,
} from '@sse-toolkit/event-source-client'
import { fileLastEventIdStore } from '@sse-toolkit/event-source-client/node'
import type { Dispatcher } from 'undici'
import { startDeadline } from '../command-line/deadline.ts'
import { exitCodes } from '../command-line/exit-codes.ts'
import type { ExitCode } from '../command-line/exit-codes.ts'
import type { Shell } from '../command-line/shell.ts'
import { formatEvent } from '../output/format-event.ts'
import type { OutputFormat } from '../output/format-event.ts'
import { runtime } from '../runtime.ts'
import { isReserved, saysContract } from '../../wire-contract/words.ts'

export interface Following {
  readonly url: URL
  readonly request: Pick<EventSourceOptions, 'method' | 'headers' | 'body' | 'reconnect' | 'lastEventId'>
  /** The file with the last event's id. */
  readonly resume: string | undefined
  readonly insecure: boolean
  readonly maxTimeMs: number | undefined
  /** Whether `maxTimeMs` is a good end. @defaultValue false: it has its own exit code */
  readonly isTimeAnEnd?: boolean
  readonly limit: number | undefined
  readonly types: ReadonlySet<string> | undefined
  readonly format: OutputFormat
  /** Whether JSON lines say when each event came. @defaultValue false */
  readonly hasTimes?: boolean
  readonly dataPath: string | undefined
  readonly quiet: boolean
  readonly shell: Shell
}

/** Writes the events of a stream until it ends, enough of them have come, or the time is over. */
export async function followStream(following: Following): Promise<ExitCode> {
  const { url, request, resume, maxTimeMs, limit = Infinity, types, shell } = following
  using deadline = startDeadline(maxTimeMs, shell.signal)
  const store = resume === undefined ? undefined : fileLastEventIdStore(resume)
  const source = createEventSource(url, {
    ...request,
    signal: deadline.signal,
    ...(following.insecure && { dispatcher: await createTrustingDispatcher() }),
    ...(store !== undefined && { lastEventIdStore: store }),
  })
  const say = (text: string): void => {
    if (!following.quiet) shell.say(`sse: ${text}`)
  }
  source.onStatus((status) => {
    const text = describe(status)
    if (text !== undefined) say(text)
  })
  // Whatever else is quiet: lost events are what a reader has to know.
  source.onGap(({ reason, earliest }) => {
    shell.say(
      `sse: events are missing (${reason}); going on ${earliest === null ? 'from now' : `from ${earliest}`}`,
    )
  })
  source.onError((error) => shell.say(`sse: ${error.message}`))
  const beganMs = runtime.now()
  const format = {
    format: following.format,
    dataPath: following.dataPath,
    stream: shell.stdout,
    wallClock: runtime.wallClock,
    elapsedMs: following.hasTimes === true ? () => runtime.now() - beganMs : undefined,
  }
  // Our server sends facts about the stream as events, too, which are reported above. From other servers these are ordinary events.
  let isOurs = false
  source.onComment((text) => {
    isOurs ||= saysContract(text)
  })
  let count = 0
  let lastEventId = ''
  try {
    for await (const event of source) {
      if (types?.has(event.type) === false || (isOurs && isReserved(event.type))) continue
      const text = formatEvent(event, format)
      if (text === undefined) continue
      await shell.write(text)
      count += 1
      ;({ lastEventId } = event)
      if (count >= limit) break
    }
  } catch {
    // The stream has failed: its status says how.
  }
  source.close()
  await source.closed
  if (count >= limit) {
    // A loop that is left has not dealt with its last event, for all that the client knows. This one has.
    await store?.save(lastEventId)
    return exitCodes.done
  }
  if (deadline.isOver) {
    say('the time is over (--max-time)')
    return following.isTimeAnEnd === true ? exitCodes.done : exitCodes.timeOver
  }
  return source.status.state === 'closed'
    ? (codes[source.status.reason] ?? exitCodes.failed)
    : exitCodes.failed
}

/** As far as it is over by what somebody said; anything else has failed. */
const codes: Partial<Record<EventSourceCloseReason, ExitCode>> = {
  completed: exitCodes.done,
  cancelled: exitCodes.done,
  'no-content': exitCodes.done,
  client: exitCodes.done,
  aborted: exitCodes.done,
  refused: exitCodes.refused,
}

/** What there is to say of a change of the connection; undefined if that goes without saying. */
function describe(status: StreamStatus): string | undefined {
  if (status.state === 'open') return `connected to ${status.url}`
  if (status.state === 'reconnecting')
    return `${messageOf(status.cause)}; trying again in ${(status.delayMs / 1000).toFixed(1)} s`
  return status.state === 'closed' ? endOf(status.reason, status.cause) : undefined
}

function endOf(reason: EventSourceCloseReason, cause: StreamFailure | undefined): string | undefined {
  if (reason === 'client' || reason === 'aborted') return undefined
  if (reason === 'completed') return 'the stream is complete'
  if (reason === 'no-content') return 'the server says that nothing more will come (204)'
  return cause === undefined ? `the stream was ${reason}` : `${reason}: ${messageOf(cause)}`
}

/** What it says, and what the server said in its response. */
function messageOf(failure: StreamFailure): string {
  const body = failure instanceof ResponseError ? (failure.body ?? '').trim().split('\n')[0] : ''
  const text = body === undefined || body === '' || body.startsWith('<') ? '' : ` (${body.slice(0, 200)})`
  return `${failure.message.replace(/\.$/, '')}${text}`
}

async function createTrustingDispatcher(): Promise<Dispatcher> {
  const { Agent } = await import('undici')
  return new Agent({ connect: { rejectUnauthorized: false } })
}

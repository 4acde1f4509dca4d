import type { ByteSink } from '../connection/byte-sink.ts'
import { isThenable } from '../callbacks.ts'
import { Connection } from '../connection/event-stream.ts'
import { OptionError } from '../errors/option-error.ts'
import { encodeFrame, eventFrame } from '../connection/frame.ts'
import type { Frame } from '../connection/frame.ts'
import { firstBlock } from '../wire-contract/first-block.ts'
import { iterateSequence, pump } from './source.ts'
import type { EventStreamSource, RawSource, Sequence } from './source.ts'
import type { EventStreamSetup } from '../connection/event-stream-options.ts'
import type { EventOf, EventSchemas } from '../format/typed-events.ts'

/** Opens a stream on the output, with its first block, and starts its source, if it has one. */
export function startStream<Schemas extends EventSchemas>(
  sink: ByteSink,
  setup: EventStreamSetup,
  source?: EventStreamSource<Schemas>,
): Connection<Schemas> {
  const connection = new Connection<Schemas>(sink, setup)
  if (setup.settings.wireContract !== 'off') connection.queue.push(eventFrame(firstBlock(setup.settings)))
  if (source !== undefined)
    run(connection, setup, source, (event: EventOf<Schemas> | string) =>
      connection.send(typeof event === 'string' ? ({ data: event } as EventOf<Schemas>) : event),
    )
  return connection
}

/** As {@link startStream}, for a source of strings and bytes. */
export function startRawStream(sink: ByteSink, setup: EventStreamSetup, source: RawSource): Connection {
  let atLineStart = true
  // The first half of a character whose second may come with the next string. At the end of the stream it is in a block
  // that was not finished, which is not dispatched.
  let half = ''
  const lineComment = encodeFrame(':\n', undefined, ':')
  const connection = new Connection(sink, {
    ...setup,
    // The source may fail in the middle of a block, where nothing can be added.
    sourceFailure: 'break',
    // After a lone CR nothing may be added either: the LF that belongs to it may come with the next piece.
    settings: { ...setup.settings, heartbeatFrame: () => (atLineStart ? lineComment : null) },
  })
  const push = (frame: Frame): void => {
    if (frame.bytes.byteLength === 0) return
    atLineStart = frame.bytes.at(-1) === 0x0a
    connection.pushFrame(frame)
  }
  run(connection, setup, source, (piece: string | Uint8Array) => {
    if (typeof piece === 'string') {
      const text = half + piece
      half = endsWithinCharacter(text) ? text.slice(-1) : ''
      push(encodeFrame(text.slice(0, text.length - half.length), undefined, ''))
      return
    }
    if (!(piece instanceof Uint8Array))
      throw new OptionError('source', piece, 'a source of strings and Uint8Arrays')
    push(encodeFrame(half, undefined, ''))
    half = ''
    push({ bytes: piece, id: undefined, key: '' })
  })
  return connection
}

/** Whether the text breaks off between the two code units of a surrogate pair. */
function endsWithinCharacter(text: string): boolean {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff
}

function run<T, Schemas extends EventSchemas>(
  connection: Connection<Schemas>,
  setup: EventStreamSetup,
  source: Sequence<T> | ((stream: Connection<Schemas>) => Sequence<T> | Promise<Sequence<T> | void> | void),
  send: (value: T) => void,
): void {
  const target = {
    stream: connection,
    send,
    fail: (error: unknown) => connection.fail(error),
    onError: setup.settings.onError,
    runtime: setup.settings.scheduler.runtime,
  }
  const begin = (result: unknown): void => {
    const iterator = iterateSequence<T>(result)
    if (iterator !== undefined) {
      connection.followSequence()
      void pump(iterator, target)
    } else if (result !== undefined)
      throw new OptionError('source', result, 'a function that returns a sequence or nothing')
  }
  try {
    const result: unknown = typeof source === 'function' ? source(connection) : source
    if (isThenable(result)) void result.then(begin).then(undefined, target.fail)
    else begin(result)
  } catch (error) {
    connection.fail(error)
  }
}

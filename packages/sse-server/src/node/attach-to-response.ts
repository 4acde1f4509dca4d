import type { ByteSink, ByteSinkListener } from '../connection/byte-sink.ts'
import { createHttp1ByteSink } from './http1-byte-sink.ts'
import { createHttp2ByteSink } from './http2-byte-sink.ts'
import { isHttp2 } from './node-response.ts'
import type { NodeResponse } from './node-response.ts'
import { watchForVanishing } from './vanished-clients.ts'
import { createWrappedByteSink } from './wrapped-byte-sink.ts'

/**
 * Opens `response`, whose head has been sent, as an output: the fastest that gives the same bytes.
 *
 * A response whose `write` somebody has wrapped (a compression middleware, a recorder) is written to through it.
 */
export function attachToResponse(
  response: NodeResponse,
  open: (sink: ByteSink) => ByteSinkListener,
): ByteSink {
  const sink =
    (isHttp2(response) ? createHttp2ByteSink(response) : createHttp1ByteSink(response)) ??
    createWrappedByteSink(response)
  sink.listen(open(sink))
  watchForVanishing(response)
  return sink
}

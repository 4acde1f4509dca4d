import type { ServerResponse } from 'node:http'
import { Http2Response } from '../message/http2-message.ts'
import type { WireResponse } from '../message/wire.ts'
import { Http1ByteSink } from './http1-byte-sink.ts'
import type { SinkOwner } from './http1-byte-sink.ts'
import { Http2ByteSink } from './http2-byte-sink.ts'

/** Creates the sink for a response whose head has been sent. */
export function makeByteSink(response: WireResponse, owner: SinkOwner): Http1ByteSink | Http2ByteSink {
  return response instanceof Http2Response
    ? new Http2ByteSink(response.stream, owner)
    : new Http1ByteSink(response as ServerResponse, owner)
}

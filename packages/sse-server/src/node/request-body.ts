import type { NodeRequest } from './node-response.ts'

/** The content of a Node request; null if it has none, or somebody has read it already. */
export function requestBody(request: NodeRequest): ReadableStream<Uint8Array> | null {
  // Fetch: a Request of these methods has no body.
  if (request.method === 'GET' || request.method === 'HEAD') return null
  if (!hasContent(request) || request.readableDidRead || request.destroyed) return null
  let iterator: AsyncIterator<Buffer | string> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        // Not destroyed when its reader has had enough: the answer is still to be sent on its connection.
        iterator ??= request.iterator({ destroyOnReturn: false })
        const { done, value } = await iterator.next()
        if (done === true) controller.close()
        else controller.enqueue(typeof value === 'string' ? Buffer.from(value) : new Uint8Array(value))
      },
      // node:http drops the rest of a request body only if reading it has not begun. Otherwise the rest would block the connection.
      async cancel() {
        if (iterator === undefined) return
        await iterator.return?.()
        request.resume()
      },
    },
    // Nothing is read before somebody asks.
    { highWaterMark: 0 },
  )
}

function hasContent(request: NodeRequest): boolean {
  if ('stream' in request) return !request.stream.endAfterHeaders
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers
  return coding !== undefined || (length !== undefined && Number(length) > 0)
}

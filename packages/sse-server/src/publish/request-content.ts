import type { Runtime } from '../runtime.ts'
import { Refusal } from './problem.ts'

interface ContentLimits {
  readonly maxBodyBytes: number
  /** 0: no limit. */
  readonly bodyTimeoutMs: number
  readonly runtime: Runtime
}

/**
 * The content of a request as text, read no further than it may be long, and no longer than it may take.
 *
 * @throws {@link Refusal}
 */
export async function readContent(request: Request, limits: ContentLimits): Promise<string> {
  const { maxBodyBytes, bodyTimeoutMs, runtime } = limits
  const tooLarge = (): Refusal =>
    new Refusal({
      status: 413,
      code: 'body-too-large',
      detail: `The content has more than ${maxBodyBytes} bytes (maxBodyBytes).`,
    })
  if (Number(request.headers.get('content-length')) > maxBodyBytes) throw tooLarge()
  if (request.body === null) throw emptyContent()
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader()
  const late = Promise.withResolvers<never>()
  const timer =
    bodyTimeoutMs === 0
      ? undefined
      : runtime.setTimeout(() => late.reject(timedOut(bodyTimeoutMs)), bodyTimeoutMs)
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    let text = ''
    let size = 0
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise])
      if (done) break
      size += value.byteLength
      if (size > maxBodyBytes) throw tooLarge()
      text += decode(decoder, value)
    }
    return text + decode(decoder)
  } catch (error) {
    // The rest is of no use. What its source says to that is not the publisher's affair.
    void reader.cancel().catch(() => undefined)
    if (error instanceof Refusal) throw error
    throw new Refusal({ status: 400, code: 'body-cut', detail: 'The content broke off before its end.' })
  } finally {
    if (timer !== undefined) runtime.clearTimeout(timer)
  }
}

export function emptyContent(): Refusal {
  const detail = 'The request has no content, or a body parser in front of this handler has read it.'
  return new Refusal({ status: 400, code: 'no-content', detail })
}

function timedOut(bodyTimeoutMs: number): Refusal {
  const detail = `The content took longer than ${bodyTimeoutMs} ms (bodyTimeoutMs).`
  return new Refusal({ status: 408, code: 'body-timeout', detail })
}

/** @param bytes - absent at the end. */
function decode(decoder: InstanceType<typeof TextDecoder>, bytes?: Uint8Array): string {
  try {
    return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true })
  } catch {
    throw new Refusal({ status: 400, code: 'invalid-utf-8', detail: 'The content is not UTF-8.' })
  }
}

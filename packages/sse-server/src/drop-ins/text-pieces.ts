// In UTF-16 code units: 192 KiB of UTF-8 at most, well below what a hub takes as one event.
const maxPieceLength = 65_536

/**
 * A stream of text in pieces that a log can store: none too large, and none that ends within a surrogate pair, of which UTF-8
 * would lose both halves. Cancelling it cancels the stream.
 */
export function textPieces(stream: ReadableStream<string>): ReadableStream<string> {
  let rest = ''
  return stream.pipeThrough(
    new TransformStream<string, string>({
      transform(chunk, controller) {
        if (typeof chunk !== 'string')
          throw new TypeError(
            `A resumable stream takes strings, got ${Object.prototype.toString.call(chunk)}`,
          )
        const text = rest + chunk
        const end = completeUntil(text, text.length)
        rest = text.slice(end)
        for (let from = 0; from < end;) {
          const to = from + maxPieceLength < end ? completeUntil(text, from + maxPieceLength) : end
          controller.enqueue(text.slice(from, to))
          from = to
        }
      },
      flush(controller) {
        if (rest !== '') controller.enqueue(rest)
      },
    }),
  )
}

/** `end`, or one less where it would part a surrogate pair. */
function completeUntil(text: string, end: number): number {
  const last = text.charCodeAt(end - 1)
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end
}

import { setTimeout as delay } from 'node:timers/promises'
import { MockLanguageModelV4 } from 'ai/test'

type Part =
  Awaited<ReturnType<MockLanguageModelV4['doStream']>>['stream'] extends ReadableStream<infer Each>
    ? Each
    : never

let asked = 0

/**
 * Stands in for a model of your provider. It says which of its answers this is, and repeats the question, fifty words a second;
 * to `Fail!` it begins to answer, and fails.
 */
export const model = new MockLanguageModelV4({
  doStream: async ({ prompt, abortSignal }) => {
    asked += 1
    const question = JSON.stringify(prompt.at(-1)?.content)
    const { text = '' } = (JSON.parse(question) as readonly { text?: string }[])[0] ?? {}
    return { stream: ReadableStream.from(answer(`Answer ${asked}: ${text}`, abortSignal)) }
  },
})

async function* answer(text: string, signal: AbortSignal | undefined): AsyncGenerator<Part> {
  yield { type: 'stream-start', warnings: [] }
  yield { type: 'text-start', id: '0' }
  for (const word of text.split(/(?<= )/)) {
    await delay(20, undefined, { signal })
    if (word.trim() === 'Fail!') throw new Error('The model is out of order')
    yield { type: 'text-delta', id: '0', delta: word }
  }
  yield { type: 'text-end', id: '0' }
  const tokens = { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 }
  yield {
    type: 'finish',
    finishReason: { unified: 'stop', raw: 'stop' },
    usage: { inputTokens: tokens, outputTokens: { total: 1, text: 1, reasoning: 0 } },
  }
}

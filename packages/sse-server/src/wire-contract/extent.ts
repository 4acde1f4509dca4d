/**
 * How much of the [wire contract](https://github.com/sse-toolkit/sse-toolkit/blob/main/docs/reference/wire-contract.md) a stream follows.
 *
 * - `full`: all of it.
 * - `ids-only`: the first block and the ids, and no event whose type begins with `stream.`. For clients that take every event
 *   for one of theirs, whatever its type, such as the AI SDK's.
 * - `off`: every block is an event of the application. There is no first block, no block without data, and a heartbeat is one
 *   comment line without a blank line behind it. For parsers that make an event of each blank line (fetch-event-source,
 *   httpx-sse), or fail on a block without data (openai-python).
 *
 * What the last two cannot say they show: the end of a response that is not whole breaks the transfer.
 */
export type WireContract = 'full' | 'ids-only' | 'off'

export const wireContracts = ['full', 'ids-only', 'off'] as const

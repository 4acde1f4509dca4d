/**
 * A block with the field `topic` before its own, for readers of patterns. Event sources ignore a field that they do not know.
 * See docs/reference/wire-contract.md, "The topic of an event".
 *
 *     topic: orders.42
 *     id: k3v9x0q2-1041
 *     data: {"total":12}
 *
 * @param topic - has no line break: no topic has.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function withTopicField(block: string, topic: string): string {
  return `topic: ${topic}\n${block}`
}

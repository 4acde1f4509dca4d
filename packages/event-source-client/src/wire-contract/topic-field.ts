/**
 * The field of an event's topic, which our server writes where it is asked to.
 *
 * @see docs/reference/wire-contract.md, "The topic of an event"
 */
export const topicField = 'topic'

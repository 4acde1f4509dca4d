/**
 * The query parameter by which our server is asked to resume after an id, where there can be no request field for it.
 *
 * @see docs/reference/wire-contract.md, "Resuming"
 */
export const idParameter = 'lastEventId'

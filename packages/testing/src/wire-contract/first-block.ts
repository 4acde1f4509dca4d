/**
 * What a server that follows the wire contract writes before everything else: a comment, which other clients ignore.
 *
 * @see https://github.com/sse-toolkit/sse-toolkit/blob/main/docs/reference/wire-contract.md, "The mark"
 */
export const firstBlock = ': sse-toolkit 1\n\n'

import { TopicError } from '../errors/topic-error.ts'

/**
 * Any text as one token of a topic: percent-encoded, and `%` alone for the empty text.
 *
 * @throws {@link TopicError} `code: 'invalid-topic'` for a lone surrogate, which UTF-8 cannot express.
 */
export function tokenOf(text: string): string {
  if (typeof text !== 'string' || !text.isWellFormed())
    throw new TopicError('id', text, 'a string without lone surrogates')
  // encodeURIComponent leaves these two alone, and a topic does not.
  const encoded = encodeURIComponent(text).replaceAll('.', '%2E').replaceAll('*', '%2A')
  return encoded === '' ? '%' : encoded
}

/** The text of a token that {@link tokenOf} made; undefined for any other. */
export function textOfToken(token: string): string | undefined {
  if (token === '%') return ''
  let text: string
  try {
    text = decodeURIComponent(token)
  } catch {
    // A malformed escape: not one of ours.
    return undefined
  }
  return text !== '' && tokenOf(text) === token ? text : undefined
}

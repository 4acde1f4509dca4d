import { finding, ofStream, isEventStream, seconds } from './finding.ts'
import type { Rule } from './finding.ts'
import { fieldOf } from './observation.ts'
import { silenceAfterHead } from './timing-rules.ts'

export const noAnswer: Rule = ({ head, end }) =>
  head === undefined && end?.reason === 'failed'
    ? finding(
        'error',
        'no-answer',
        `There was no answer: ${end.message ?? 'unknown reason'}`,
        'Is the server running, and is the address right?',
      )
    : undefined

export const notAllowed: Rule = ({ end }) =>
  end?.reason === 'not-allowed'
    ? finding(
        'error',
        'not-allowed',
        `${end.message ?? 'The address is not allowed'}.`,
        'Nothing was sent there.',
      )
    : undefined

export const status: Rule = ({ head }) => {
  if (head === undefined || head.status === 200) return undefined
  const said = `The status is ${head.status}${head.statusText === '' ? '' : ` ${head.statusText}`}`
  if (head.status === 204)
    return finding(
      'warning',
      'status',
      `${said}: clients close and never come back.`,
      'Right for a stream that is over; answer 200 while there may be more.',
    )
  if (head.status === 401 || head.status === 403)
    return finding(
      'error',
      'status',
      `${said}: the server asks for credentials.`,
      'Add the Authorization or Cookie field that a client would send. EventSource of browsers can send cookies only.',
    )
  if (head.status === 501)
    return finding(
      'error',
      'status',
      `${said}: a proxy on the way may not pass a response on piece by piece.`,
      'That is what RFC 10036 lets it answer to Incremental: ?1. Let it stream this path, or go around it.',
    )
  if (head.status === 429 || head.status === 503)
    return finding(
      'error',
      'status',
      `${said}${fieldOf(head, 'retry-after') === undefined ? ', without Retry-After' : ''}.`,
      'EventSource of browsers gives up at any status but 200; careful clients come back after Retry-After.',
    )
  return finding(
    'error',
    'status',
    `${said}, not 200.`,
    'EventSource fails for good at any status but 200, after redirects.',
  )
}

export const contentType: Rule = ({ head, reading }) => {
  if (head === undefined || head.status !== 200) return undefined
  const value = fieldOf(head, 'content-type')
  if (!isEventStream(head)) {
    const looksLike = /^\s*<(!doctype|html)/i.test(reading.beginning)
      ? ' The body is an HTML page: perhaps a login page, or the single-page fallback of a web server.'
      : ''
    return finding(
      'error',
      'content-type',
      `The content type is ${value === undefined ? 'missing' : JSON.stringify(value.slice(0, 80))}.${looksLike}`,
      'Send Content-Type: text/event-stream; EventSource refuses anything else.',
    )
  }
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(value ?? '')?.[1]
  return charset === undefined || /^utf-?8$/i.test(charset)
    ? undefined
    : finding(
        'warning',
        'charset',
        `The content type says charset=${charset.slice(0, 40)}.`,
        'An event stream is UTF-8, whatever its content type says: leave the parameter out.',
      )
}

export const certificate: Rule = ({ head }) =>
  head?.certificateProblem === undefined
    ? undefined
    : finding(
        'warning',
        'certificate',
        `Clients do not trust the certificate: ${head.certificateProblem}.`,
        'All right for a server of your own in development. Elsewhere, take one of an authority that clients know.',
      )

export const redirect: Rule = ({ head }) =>
  head === undefined || head.redirects.length === 0
    ? undefined
    : finding(
        'note',
        'redirect',
        `It was redirected to ${head.url.slice(0, 120)}.`,
        'Each reconnection begins at the first address again. Fetch clients lose Authorization on the way to another origin.',
      )

export const compression: Rule = ofStream((observation) => {
  const coding = fieldOf(observation.head, 'content-encoding')
  if (coding === undefined || coding === 'identity') return undefined
  const fact = `The stream is compressed (${coding.slice(0, 40)})`
  const hint =
    'Most compressing middlewares wait for more before they write. Flush after each event, or leave event streams out.'
  const silenceMs = silenceAfterHead(observation)
  return silenceMs === undefined
    ? finding('warning', 'compression', `${fact}.`, hint)
    : finding(
        'error',
        'compression',
        `${fact}, and nothing came in ${seconds(silenceMs)} after the head: events arrive late or never.`,
        hint,
      )
})

export const caching: Rule = ofStream(({ head }) => {
  const directives = (fieldOf(head, 'cache-control') ?? '').toLowerCase()
  if (!/no-cache|no-store/.test(directives))
    return finding(
      'warning',
      'cache-control',
      `Cache-Control is ${directives === '' ? 'missing' : JSON.stringify(directives.slice(0, 80))}.`,
      'Send Cache-Control: no-cache, no-transform. A cache that stores the stream waits for an end that never comes.',
    )
  return directives.includes('no-transform')
    ? undefined
    : finding(
        'note',
        'no-transform',
        'Cache-Control has no no-transform.',
        'With it, intermediaries (and many compressing middlewares) leave the stream as it is.',
      )
})

export const contentLength: Rule = ofStream(({ head }) =>
  fieldOf(head, 'content-length') === undefined
    ? undefined
    : finding(
        'warning',
        'content-length',
        'The response has a Content-Length: it was finished before it was sent.',
        'Write events as they happen, and leave the length out.',
      ),
)

export const crossOrigin: Rule = ofStream(({ head }) =>
  fieldOf(head, 'access-control-allow-origin') === undefined &&
  // A server that says whom it is for has thought of it.
  fieldOf(head, 'cross-origin-resource-policy')?.toLowerCase() !== 'same-origin'
    ? finding(
        'note',
        'no-cors',
        'There is no Access-Control-Allow-Origin: only pages of the same origin can read it.',
        'Right if they are all there is.',
      )
    : undefined,
)

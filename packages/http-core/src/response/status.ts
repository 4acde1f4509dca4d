/** RFC 9110 section 15 and the IANA registry of status codes. */
const reasonPhrases: ReadonlyMap<number, string> = new Map([
  [100, 'Continue'],
  [101, 'Switching Protocols'],
  [102, 'Processing'],
  [103, 'Early Hints'],
  [200, 'OK'],
  [201, 'Created'],
  [202, 'Accepted'],
  [203, 'Non-Authoritative Information'],
  [204, 'No Content'],
  [205, 'Reset Content'],
  [206, 'Partial Content'],
  [207, 'Multi-Status'],
  [208, 'Already Reported'],
  [226, 'IM Used'],
  [300, 'Multiple Choices'],
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [305, 'Use Proxy'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [402, 'Payment Required'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [406, 'Not Acceptable'],
  [407, 'Proxy Authentication Required'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [410, 'Gone'],
  [411, 'Length Required'],
  [412, 'Precondition Failed'],
  [413, 'Content Too Large'],
  [414, 'URI Too Long'],
  [415, 'Unsupported Media Type'],
  [416, 'Range Not Satisfiable'],
  [417, 'Expectation Failed'],
  [421, 'Misdirected Request'],
  [422, 'Unprocessable Content'],
  [423, 'Locked'],
  [424, 'Failed Dependency'],
  [425, 'Too Early'],
  [426, 'Upgrade Required'],
  [428, 'Precondition Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [451, 'Unavailable For Legal Reasons'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
  [506, 'Variant Also Negotiates'],
  [507, 'Insufficient Storage'],
  [508, 'Loop Detected'],
  [511, 'Network Authentication Required'],
])

/**
 * The registered description of a status code; undefined if the code is not registered.
 *
 * @example
 * ```ts
 * reasonPhrase(404) // 'Not Found'
 * ```
 * @see https://www.iana.org/assignments/http-status-codes
 */
export function reasonPhrase(status: number): string | undefined {
  return reasonPhrases.get(status)
}

/**
 * Whether the status is of the class Successful: 200 to 299, like `response.ok`. Redirections and 304 are not.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.3
 */
export function isSuccessful(status: number): boolean {
  return status >= 200 && status <= 299
}

/**
 * Whether the status is of the class Client Error or Server Error: 400 to 599.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5
 */
export function isErrorStatus(status: number): boolean {
  return status >= 400 && status <= 599
}

/** Whether a final response can have the status (Fetch: an integer from 200 to 599). */
export function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599
}

/**
 * Whether responses with the status never have content. (A 205 has no content either, but needs `Content-Length: 0`.)
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 */
export function hasNoContent(status: number): boolean {
  return status === 204 || status === 304
}

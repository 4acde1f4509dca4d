/** Fields that only the server sets (RFC 9110 section 7.6.1). A handler that copies another server's response has them too. */
const hopByHop = new Set(['keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'])

/** The fields of a response in the flat form that Node's `writeHead` takes: name, value, name, value... */
export interface ResponseFields {
  readonly flat: string[]
  /** The `content-length` that the handler set; not in `flat`. */
  readonly contentLength: number | undefined
  /** The `upgrade` field that the handler set, which a 426 must have; not in `flat`. */
  readonly upgrade?: string | undefined
  /** Whether the handler asked for `connection: close`; not in `flat`. */
  readonly closes: boolean
}

/** Separates the fields that are sent as they are from those that frame the message. */
export function responseFields(headers: Headers): ResponseFields {
  const flat: string[] = []
  let contentLength: number | undefined
  let closes = false
  let upgrade: string | undefined
  for (const [name, value] of headers) {
    if (name === 'content-length') {
      const length = Number(value)
      if (/^\d+$/.test(value) && Number.isSafeInteger(length)) contentLength = length
    } else if (name === 'connection') {
      closes = /(?:^|,)\s*close\s*(?:,|$)/i.test(value)
    } else if (name === 'upgrade') {
      upgrade = value
    } else if (!hopByHop.has(name)) {
      flat.push(name, value)
    }
  }
  return { flat, contentLength, upgrade, closes }
}

/** Matches `; name="value"` or `; name=value`, starting where the previous match ended. */
const parameter = /[\t ]*;[\t ]*([^\s"(),/:;<=>?@[\\\]{}]+)[\t ]*=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))/y

/** The parts of a field such as Content-Type or Content-Disposition (RFC 9110 section 5.6.6). */
interface Parameters {
  /** The text before the first semicolon, in lower case. */
  readonly value: string
  /** The parameters by name, in lower case. */
  readonly parameters: ReadonlyMap<string, string>
  /** `'unread'`: unreadable text follows the parameters. `'ambiguous'`: a parameter occurs twice. */
  readonly rest: 'none' | 'unread' | 'ambiguous'
}

/** @param field - One character per byte. */
export function readParameters(field: string): Parameters {
  const parameters = new Map<string, string>()
  let isTwice = false
  const start = field.indexOf(';')
  let end = start === -1 ? field.length : start
  parameter.lastIndex = end
  for (let found = parameter.exec(field); found !== null; found = parameter.exec(field)) {
    const [, given = '', quoted, token = ''] = found
    const name = given.toLowerCase()
    // Other backslashes belong to a Windows path. (Browsers escape quotes as %22, see WHATWG HTML.)
    const bytes = quoted === undefined ? token : quoted.replaceAll(/\\(["\\])/g, '$1')
    if (parameters.has(name)) isTwice = true
    else parameters.set(name, Buffer.from(bytes, 'latin1').toString('utf8'))
    end = parameter.lastIndex
  }
  const value = (start === -1 ? field : field.slice(0, start)).trim().toLowerCase()
  const isRead = /^[\t ;]*$/.test(field.slice(end))
  return { value, parameters, rest: isTwice ? 'ambiguous' : isRead ? 'none' : 'unread' }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const monthPattern = months.join('|')
/** The three date formats that a recipient must accept. The last two are obsolete. */
const dateForms: readonly RegExp[] = [
  new RegExp(
    `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) (?<month>${monthPattern}) (?<year>\\d{4}) (?<time>\\d\\d:\\d\\d:\\d\\d) GMT$`,
  ),
  new RegExp(
    `^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-(?<month>${monthPattern})-(?<year>\\d\\d) (?<time>\\d\\d:\\d\\d:\\d\\d) GMT$`,
  ),
  new RegExp(
    `^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>${monthPattern}) (?<day>[ \\d]\\d) (?<time>\\d\\d:\\d\\d:\\d\\d) (?<year>\\d{4})$`,
  ),
]

/**
 * Parses an HTTP-date to milliseconds since 1970. Returns undefined for any other text, which a condition must ignore.
 * (`Date.parse` is too lenient: it accepts `2030`, for example.)
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  for (const form of dateForms) {
    const found = form.exec(text)?.groups
    if (found === undefined) continue
    const { day = '', month = '', year = '', time = '' } = found
    const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number)
    const years = year.length === 2 ? fullYear(Number(year), now) : Number(year)
    const date = new Date(Date.UTC(years, months.indexOf(month), Number(day), hours, minutes))
    const isPossible = date.getUTCDate() === Number(day) && hours < 24 && minutes < 60 && year !== '0000'
    // 60 is a leap second. JavaScript's clock has no leap seconds, so it becomes the next second.
    return isPossible && seconds <= 60 ? date.getTime() + seconds * 1000 : undefined
  }
  return undefined
}

/** A two-digit year that would be more than 50 years in the future belongs to the previous century. */
function fullYear(twoDigits: number, now: number): number {
  const thisYear = new Date(now).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

/** The beginning of what came, read by read, as one may want to look at it. */
export interface RawBytes {
  add(atMs: number, bytes: Uint8Array): void
  readonly byteCount: number
  /** Bytes that came and are not kept. */
  readonly leftOut: number
  /** As text, with what is not to be seen made visible; or as a hex dump. */
  show(form: 'text' | 'hex'): string
}

const MAX_KEPT_BYTES = 32 * 1024
const BYTES_PER_ROW = 16

export function createRawBytes(): RawBytes {
  const reads: { atMs: number; bytes: Uint8Array }[] = []
  let kept = 0
  let byteCount = 0
  return {
    add(atMs, bytes) {
      byteCount += bytes.length
      const part = bytes.subarray(0, MAX_KEPT_BYTES - kept)
      if (part.length > 0) reads.push({ atMs, bytes: part })
      kept += part.length
    },
    get byteCount() {
      return byteCount
    },
    get leftOut() {
      return byteCount - kept
    },
    show(form) {
      const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
      return reads
        .map(({ atMs, bytes }) => {
          const title = `--- ${(atMs / 1_000).toFixed(3)} s, ${bytes.length} bytes ---`
          return `${title}\n${form === 'hex' ? hexDump(bytes) : visible(decoder.decode(bytes, { stream: true }))}`
        })
        .join('\n')
    },
  }
}

/** `\r`, NUL and the byte order mark are what one looks for; a line feed shows by itself. */
function visible(text: string): string {
  return text.replaceAll('\r', '\u240D').replaceAll('\0', '\u2400').replaceAll('\uFEFF', '[BOM]')
}

function hexDump(bytes: Uint8Array): string {
  const rows: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES_PER_ROW) {
    const row = [...bytes.subarray(at, at + BYTES_PER_ROW)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    rows.push(`${at.toString(16).padStart(4, '0')}  ${hex.padEnd(BYTES_PER_ROW * 3)} ${text}`)
  }
  return rows.join('\n')
}

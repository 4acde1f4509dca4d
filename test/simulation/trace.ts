/** The course of a run, as a hash that two runs of one seed must share, and on request as readable lines. */
export interface Trace {
  /** Of all notes so far, 32 bits. */
  readonly hash: number
  readonly length: number
  readonly lines: readonly TraceLine[]
  note(atMs: number, actor: string, what: string, a?: string | number, b?: string | number): void
}

export interface TraceLine {
  readonly atMs: number
  readonly actor: string
  readonly text: string
}

/** @param maxLines - 0 keeps the hash alone, which is what a million runs can afford. */
export function createTrace(maxLines: number): Trace {
  let hash = 0x811c9dc5
  let length = 0
  let lines: TraceLine[] = []

  // FNV-1a.
  function mix(value: string | number | undefined): void {
    if (value === undefined) return
    if (typeof value === 'number') {
      hash = Math.imul(hash ^ (value | 0), 0x01000193)
      return
    }
    for (let index = 0; index < value.length; index += 1)
      hash = Math.imul(hash ^ value.charCodeAt(index), 0x01000193)
  }

  return {
    get hash() {
      return hash >>> 0
    },
    get length() {
      return length
    },
    get lines() {
      return lines
    },
    note(atMs, actor, what, a, b) {
      length += 1
      mix(atMs * 1000)
      mix(actor)
      mix(what)
      mix(a)
      mix(b)
      if (maxLines === 0) return
      const text = [what, a, b].filter((part) => part !== undefined && part !== '').join(' ')
      lines.push({ atMs, actor, text })
      if (lines.length > 2 * maxLines) lines = lines.slice(-maxLines)
    },
  }
}

/** The last lines that concern an actor, and those of the world around it. */
export function excerptFor(lines: readonly TraceLine[], actor: string | undefined, limit: number): string {
  return lines
    .filter((line) => actor === undefined || line.actor === actor || !line.actor.startsWith('client'))
    .slice(-limit)
    .map(formatLine)
    .join('\n')
}

export function formatLine({ atMs, actor, text }: TraceLine): string {
  return `${(atMs / 1000).toFixed(3).padStart(9)}  ${actor.padEnd(10)} ${text}`
}

import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { exitCodes } from '../command-line/exit-codes.ts'
import type { ExitCode } from '../command-line/exit-codes.ts'
import type { Shell } from '../command-line/shell.ts'

export interface Publishing {
  readonly url: URL
  /** Undefined: the lines of standard input. */
  readonly data: readonly string[] | undefined
  readonly event: string | undefined
  readonly json: boolean
  readonly key: string | undefined
  readonly retries: number
  readonly headers: readonly (readonly [string, string])[]
  readonly output: 'id' | 'none'
  readonly shell: Shell
}

/** Statuses after which the same may succeed. */
const transient = new Set([408, 425, 429, 500, 502, 503, 504])
const firstWaitMs = 250
const longestWaitMs = 30_000

/** Publishes one event after the other, in order, and stops at the first that is not stored. */
export async function publishEvents(publishing: Publishing): Promise<ExitCode> {
  const { data, shell, output } = publishing
  const lines = data ?? createInterface({ input: shell.stdin, crlfDelay: Infinity, signal: shell.signal })
  for await (const line of lines) {
    if (shell.signal.aborted) break
    const body = bodyOf(line, publishing)
    if (body === undefined) return exitCodes.usage
    const outcome = await publishOnce(body, publishing)
    if (typeof outcome !== 'string') return outcome.code
    if (output === 'id') await shell.write(`${outcome}\n`)
  }
  return exitCodes.done
}

function bodyOf(text: string, { event, json, shell }: Publishing): string | undefined {
  try {
    return JSON.stringify({ event, data: json ? (JSON.parse(text) as unknown) : text })
  } catch (error) {
    shell.say(`sse: ${JSON.stringify(text)} is not JSON: ${(error as Error).message}`)
    return undefined
  }
}

/** @returns the event's id. */
async function publishOnce(body: string, publishing: Publishing): Promise<string | { code: ExitCode }> {
  const { url, key = randomUUID(), retries, headers, shell } = publishing
  const request: RequestInit = {
    method: 'POST',
    body,
    signal: shell.signal,
    // RFC 8941 section 3.3.3: a string.
    headers: [
      ['content-type', 'application/json'],
      ['idempotency-key', JSON.stringify(key)],
      ...headers.map(([name, value]): [string, string] => [name, value]),
    ],
  }
  for (let attempt = 0; ; attempt += 1) {
    let waitMs = Math.min(longestWaitMs, firstWaitMs * 2 ** attempt)
    let problem: string
    let code: ExitCode
    try {
      const response = await fetch(url, request)
      const text = await response.text()
      if (response.ok) return idOf(text)
      problem = `${response.status} ${problemOf(text) ?? response.statusText}`
      code = exitCodes.refused
      if (!transient.has(response.status)) {
        shell.say(`sse: refused: ${problem}`)
        return { code }
      }
      waitMs = Math.max(waitMs, Number(response.headers.get('retry-after') ?? 0) * 1000 || 0)
    } catch (error) {
      if (shell.signal.aborted) return { code: exitCodes.done }
      const { message, cause } = error as Error
      problem = cause instanceof Error && cause.message !== '' ? cause.message : message
      code = exitCodes.failed
    }
    if (attempt >= retries) {
      shell.say(`sse: ${problem}`)
      return { code }
    }
    shell.say(`sse: ${problem}; trying again in ${(waitMs / 1000).toFixed(1)} s`)
    await delay(waitMs, undefined, { signal: shell.signal }).catch(() => undefined)
  }
}

/** For a server that is not ours, whatever it says. */
function idOf(text: string): string {
  try {
    const { id } = JSON.parse(text) as { readonly id?: unknown }
    return typeof id === 'string' ? id : text.trim()
  } catch {
    return text.trim()
  }
}

/** The words of a problem (RFC 9457), or the beginning of another text. */
function problemOf(text: string): string | undefined {
  try {
    const { detail, code } = JSON.parse(text) as { readonly detail?: unknown; readonly code?: unknown }
    if (typeof detail === 'string') return typeof code === 'string' ? `${code}: ${detail}` : detail
  } catch {
    // Not JSON.
  }
  const [line = ''] = text.trim().split('\n')
  return line === '' || line.startsWith('<') ? undefined : line.slice(0, 200)
}

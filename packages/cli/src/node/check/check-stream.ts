import { connect } from 'node:tls'
import { once } from 'node:events'
import { styleText } from 'node:util'
import { finding } from '../../inspect/finding.ts'
import type { Finding, Observation, Severity } from '../../inspect/finding.ts'
import { findingsOf } from '../../inspect/findings.ts'
import { fieldOf, maxInspectedSeconds } from '../../inspect/observation.ts'
import { resumption } from '../../inspect/resume-rule.ts'
import { exitCodes } from '../command-line/exit-codes.ts'
import type { ExitCode } from '../command-line/exit-codes.ts'
import type { Shell } from '../command-line/shell.ts'
import { observe } from './observe.ts'

export interface Checking {
  readonly url: URL
  readonly fields: readonly (readonly [string, string])[]
  readonly body: string | undefined
  readonly origin: string | undefined
  readonly watchMs: number
  readonly strict: boolean
  readonly json: boolean
  readonly shell: Shell
}

/** How long the second look waits for the events that the first has seen. */
const resumeSeconds = 3

/** Looks at a stream, and says what it has found. */
export async function checkStream(checking: Checking): Promise<ExitCode> {
  const { url, fields, body, watchMs, strict, json, shell } = checking
  const { signal } = shell
  const seconds = Math.min(maxInspectedSeconds, watchMs / 1000)
  const method = body === undefined ? 'GET' : 'POST'
  const order = { url: url.href, method, fields, body: body ?? '', seconds } as const
  if (shell.terminal !== undefined && !json) shell.say(`sse: looking for ${seconds} s`)
  const observation = await observe(order, signal)
  const found = findingsOf(observation)
  if (!signal.aborted) {
    const more = [
      await resumeFinding(checking, observation),
      originFinding(checking, observation),
      await versionFinding(url, observation),
    ]
    found.push(...more.filter((each) => each !== undefined))
  }
  const severities: readonly Severity[] = ['error', 'warning', 'note']
  const findings = severities.flatMap((severity) => found.filter((each) => each.severity === severity))
  await shell.write(json ? asJson(observation, findings) : asText(observation, findings, shell))
  const isBad = findings.some(({ severity }) => severity === 'error' || (strict && severity === 'warning'))
  return isBad ? exitCodes.found : exitCodes.done
}

/** A POST may have effects: it is not sent again just to see whether it resumes. */
async function resumeFinding(
  { url, fields, body, shell }: Checking,
  { head, reading }: Observation,
): Promise<Finding | undefined> {
  const { blocks } = reading
  const events = blocks.filter(({ id, data }) => id !== undefined && id !== '' && data !== undefined)
  const [first] = events
  if (body !== undefined || head?.status !== 200 || first?.id === undefined || events.length < 2)
    return undefined
  const again = await observe(
    {
      url: url.href,
      method: 'GET',
      fields: [...fields, ['Last-Event-ID', first.id]],
      body: '',
      seconds: resumeSeconds,
    },
    shell.signal,
    ({ counts }) => counts.eventsWithId > 0,
  )
  return resumption(reading, { status: again.head?.status, reading: again.reading })
}

function originFinding({ origin }: Checking, { head }: Observation): Finding | undefined {
  if (origin === undefined || head === undefined) return undefined
  const allowed = fieldOf(head, 'access-control-allow-origin')
  if (allowed === origin || allowed === '*') return undefined
  return finding(
    'error',
    'cors',
    `Pages of ${origin} may not read it: Access-Control-Allow-Origin is ${allowed ?? 'missing'}.`,
    `Answer with Access-Control-Allow-Origin: ${origin}, and Vary: Origin.`,
  )
}

/** Over HTTP/1.1 a browser opens six connections to an origin at most, and each stream takes one for good. */
async function versionFinding(url: URL, { head }: Observation): Promise<Finding | undefined> {
  if (head?.status !== 200) return undefined
  const protocol = url.protocol === 'https:' ? await negotiatedProtocol(url) : 'http/1.1'
  if (protocol === 'h2') return undefined
  return finding(
    'note',
    'http-version',
    'It is served over HTTP/1.1 alone: a browser opens six streams of an origin at most, all tabs together.',
    'Serve it over TLS with HTTP/2, or share one connection between the tabs.',
  )
}

async function negotiatedProtocol(url: URL): Promise<string | undefined> {
  const socket = connect({
    host: url.hostname.replaceAll(/[[\]]/g, ''),
    port: Number(url.port) || 443,
    servername: url.hostname,
    ALPNProtocols: ['h2', 'http/1.1'],
    rejectUnauthorized: false,
  })
  try {
    await once(socket, 'secureConnect')
    return socket.alpnProtocol || undefined
  } catch {
    // It has answered a moment ago; what is wrong now is not for this rule.
    return undefined
  } finally {
    socket.destroy()
  }
}

function asJson({ head, reading, watchedMs }: Observation, findings: readonly Finding[]): string {
  const report = {
    url: head?.url,
    status: head?.status,
    contentType: head === undefined ? undefined : fieldOf(head, 'content-type'),
    watchedMs: Math.round(watchedMs),
    events: reading.counts.events,
    bytes: reading.byteCount,
    findings,
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

function asText(observation: Observation, findings: readonly Finding[], { stdout }: Shell): string {
  const { head, reading, watchedMs } = observation
  const answer =
    head === undefined
      ? 'no answer'
      : `${head.status} ${head.statusText}, ${fieldOf(head, 'content-type') ?? 'no content type'}`
  const seen = `${reading.counts.events} events, ${reading.byteCount} bytes in ${(watchedMs / 1000).toFixed(1)} s`
  const colour = { error: 'red', warning: 'yellow', note: 'blue' } as const
  const lines = findings.flatMap(({ severity, code, text, hint }) => [
    `${styleText(colour[severity], severity.padEnd(8), { stream: stdout })}${text}  ${styleText('dim', code, { stream: stdout })}`,
    `        ${hint}`,
    '',
  ])
  return [`${answer}: ${seen}`, '', ...lines, summary(findings), ''].join('\n')
}

function summary(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is wrong with it.'
  const count = (severity: Severity, word: string): string => {
    const number = findings.filter((each) => each.severity === severity).length
    return `${number} ${word}${number === 1 ? '' : 's'}`
  }
  return `${count('error', 'error')}, ${count('warning', 'warning')}, ${count('note', 'note')}`
}

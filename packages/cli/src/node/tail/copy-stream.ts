import { startDeadline } from '../command-line/deadline.ts'
import { exitCodes } from '../command-line/exit-codes.ts'
import type { ExitCode } from '../command-line/exit-codes.ts'
import type { Shell } from '../command-line/shell.ts'
import { exchange } from '../inspect/exchange.ts'
import { anywhere } from '../inspect/reach.ts'

export interface CopiedRequest {
  readonly url: URL
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string | undefined
  readonly insecure: boolean
}

interface CopyOptions {
  readonly shell: Shell
  readonly maxTimeMs: number | undefined
  readonly quiet: boolean
}

/** Writes the bytes of one response as they come. */
export async function copyStream(request: CopiedRequest, options: CopyOptions): Promise<ExitCode> {
  const { shell, maxTimeMs, quiet } = options
  const { url, method, headers, body = '', insecure } = request
  using deadline = startDeadline(maxTimeMs, shell.signal)
  const order = {
    url: url.href,
    method,
    fields: [...headers, ['Accept-Encoding', 'identity'] as const],
    body,
  }
  try {
    const { message, certificateProblem } = await exchange(order, anywhere, deadline.signal)
    if (certificateProblem !== undefined && !insecure) {
      message.destroy()
      shell.say(`sse: the certificate is not trusted: ${certificateProblem}. Take it with --insecure`)
      return exitCodes.refused
    }
    const type = message.headers['content-type'] ?? 'no content type'
    if (!quiet) shell.say(`sse: ${message.statusCode} ${message.statusMessage}, ${type}`)
    for await (const chunk of message) await shell.write(chunk as Buffer)
    return message.statusCode === 200 ? exitCodes.done : exitCodes.refused
  } catch (error) {
    if (shell.signal.aborted) return exitCodes.done
    if (deadline.isOver) {
      if (!quiet) shell.say('sse: the time is over (--max-time)')
      return exitCodes.timeOver
    }
    const { message, code } = error as NodeJS.ErrnoException
    shell.say(`sse: ${message === '' ? code : message}`)
    return exitCodes.failed
  }
}

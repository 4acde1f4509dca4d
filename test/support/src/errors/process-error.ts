/**
 * A started process did not do what the test needs.
 *
 * - `spawn-failed`: the program could not be started (`cause` holds the system's error)
 * - `exited-early`: it exited before it was ready, or before the output that was waited for
 * - `did-not-stop`: it ignored the signal until the deadline, and was killed
 */
export class ProcessError extends Error {
  override readonly name = 'ProcessError'
  readonly code: 'spawn-failed' | 'exited-early' | 'did-not-stop'
  readonly stdout: string
  readonly stderr: string

  constructor(
    code: ProcessError['code'],
    message: string,
    output: { stdout: string; stderr: string },
    options?: ErrorOptions,
  ) {
    super(`${message}\n--- stdout\n${tail(output.stdout)}\n--- stderr\n${tail(output.stderr)}`, options)
    this.code = code
    this.stdout = output.stdout
    this.stderr = output.stderr
  }
}

function tail(text: string): string {
  return text.length > 4_000 ? `...${text.slice(-4_000)}` : text
}

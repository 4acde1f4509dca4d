import type { AnswerMessage, CallMessage, Methods } from './protocol.ts'

/** Makes this process a worker: it answers the calls of the process that forked it, and ends with it. */
export function serveCalls<M extends Methods<M>>(methods: M): void {
  const table = new Map<string, (...args: readonly unknown[]) => unknown>(Object.entries(methods))
  process.on('message', (message: CallMessage) => {
    void answer(table, message)
  })
  // Not before: `--cpu-prof` writes its file at an orderly exit only.
  process.on('disconnect', () => process.exit(0))
}

/** Milliseconds, by a clock that all processes of the machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Tells the main process something that it did not ask for. */
export function sendNotice(notice: unknown): void {
  send({ notice })
}

async function answer(
  table: ReadonlyMap<string, (...args: readonly unknown[]) => unknown>,
  { id, method, args }: CallMessage,
): Promise<void> {
  try {
    const run = table.get(method)
    if (run === undefined) throw new TypeError(`There is no method ${method}`)
    const result = await run(...args)
    if (id !== undefined) send({ id, result })
  } catch (error) {
    if (id === undefined) throw error
    send({ id, error: error instanceof Error ? error.message : String(error) })
  }
}

function send(message: AnswerMessage): void {
  // The main process may be gone, or going: 'disconnect' follows.
  if (process.connected) process.send?.(message)
}

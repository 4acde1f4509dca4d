import { startDemo } from './server/demo.ts'
import type { Demo } from './server/demo.ts'
import { HELP, parseCommand } from './server/options.ts'
import type { DemoCommand } from './server/options.ts'
import { UsageError } from './server/errors/usage-error.ts'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2

async function main(): Promise<void> {
  const command = readCommand()
  if (command.kind === 'help') {
    console.log(HELP)
    return
  }
  const demo = await start(command)
  console.log(`The demo runs at ${demo.url} (Ctrl-C stops it)`)
  const stopping = untilSignal()
  await Promise.race([stopping, demo.failed])
  await demo.close()
}

function readCommand(): DemoCommand {
  try {
    return parseCommand(process.argv.slice(2), process.env)
  } catch (error) {
    if (error instanceof UsageError) exitWith(EXIT_USAGE, error.message)
    throw error
  }
}

async function start({ host, port }: DemoCommand & { kind: 'serve' }): Promise<Demo> {
  try {
    return await startDemo({ host, port })
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'address-in-use') {
      const free = port < 65_535 ? port + 1 : port - 1
      exitWith(
        EXIT_FAILURE,
        `Port ${port} is in use. Take another one: pnpm demo --port ${free}, or PORT=${free}.`,
      )
    }
    if (error instanceof Error && error.name === 'ListenError') exitWith(EXIT_FAILURE, `${error.message}.`)
    throw error
  }
}

/** The first signal stops in good order; a second one is impatience, and ends the process as signals do. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

function exitWith(code: number, line: string): never {
  console.error(line)
  process.exit(code)
}

await main()

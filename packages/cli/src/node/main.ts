import { exitCodes } from './command-line/exit-codes.ts'
import type { Command } from './command-line/command.ts'
import { createShell } from './command-line/shell.ts'
import type { Shell } from './command-line/shell.ts'
import { UsageError } from './command-line/usage-error.ts'
import { readVersion } from './version.ts'

/** Each is loaded when it is asked for, and what it needs when it runs: `sse tail` needs no server, and starts the sooner. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  tail: async () => (await import('./commands/tail.ts')).tail,
  serve: async () => (await import('./commands/serve.ts')).serve,
  publish: async () => (await import('./commands/publish.ts')).publish,
  record: async () => (await import('./commands/record.ts')).record,
  replay: async () => (await import('./commands/replay.ts')).replay,
  check: async () => (await import('./commands/check.ts')).check,
  load: async () => (await import('./commands/load.ts')).load,
}

const usage = `sse: event streams (Server-Sent Events) in a shell

  sse tail URL        follows a stream, through reconnections
  sse serve           makes a stream of the lines on standard input
  sse publish URL     publishes events over HTTP
  sse record URL      records a stream, for replay
  sse replay FILE     serves a recording, at its own pace
  sse check URL       tells what is wrong with a stream, and how to mend it
  sse load URL        opens many connections, and measures what arrives

  sse COMMAND --help  says more
  sse --version

Try it: run \`ping localhost | sse serve\`, and in another shell \`sse tail localhost:8080\`.
`

/** Runs the command that this process was started for, and ends the process. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const shell = createShell()
  process.exitCode = await run(args, shell)
  if (shell.signal.aborted || process.exitCode !== 0) process.exit()
}

async function run([name = '', ...args]: readonly string[], shell: Shell): Promise<number> {
  if (name === '--version' || name === '-V') {
    await shell.write(`${await readVersion()}\n`)
    return exitCodes.done
  }
  if (name === '--help' || name === '-h' || name === 'help' || name === '') {
    await shell.write(usage)
    return name === '' ? exitCodes.usage : exitCodes.done
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) {
    shell.say(`sse: there is no command ${JSON.stringify(name)}: ${Object.keys(commands).join(', ')}`)
    return exitCodes.usage
  }
  const command = await load()
  if (isHelpAsked(args)) {
    await shell.write(command.usage)
    return exitCodes.done
  }
  try {
    const code = await command.run(args, shell)
    return shell.signal.aborted ? codeOf(shell.signal.reason, code) : code
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    shell.say(`sse ${name}: ${error.message}\n     See \`sse ${name} --help\`.`)
    return exitCodes.usage
  }
}

/** Before `--`, behind which everything is an argument. */
function isHelpAsked(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const options = end === -1 ? args : args.slice(0, end)
  return options.includes('--help') || options.includes('-h')
}

function codeOf(interruption: unknown, code: number): number {
  if (interruption === 'SIGINT') return exitCodes.interrupted
  if (interruption === 'SIGTERM') return exitCodes.terminated
  return interruption === 'output-closed' ? exitCodes.done : code
}

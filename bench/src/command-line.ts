import { parseArgs } from 'node:util'
import type { Settings } from './benchmark.ts'
import { OptionError } from './errors/option-error.ts'

export const usage = `pnpm bench [name ...] [options]

  name                 benchmarks to run; none: all of them
  --list               say which there are
  --quick              small and short, to see that everything works: about a minute
  --connections <n>    connections, where a benchmark has them (idle-memory 10 000, fan-out 500 ...)
  --rounds <n>         measurements of each contender 
  --json <file>        write all measurements to a file, too ("-": instead of the tables, to standard output)
  --profile <dir>      let contenders write CPU profiles there; the figures are not comparable then
  --help               this
`

export interface CommandLine {
  readonly action: 'run' | 'list' | 'help'
  readonly names: readonly string[]
  readonly jsonFile: string | undefined
  readonly settings: Settings
}

/** @throws {@link OptionError} which names the option and its value. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parse(args)
  return {
    action: values.help ? 'help' : values.list ? 'list' : 'run',
    names: positionals,
    jsonFile: values.json,
    settings: {
      connections: count('--connections', values.connections, 10_000),
      rounds: count('--rounds', values.rounds, 50),
      scale: values.quick ? 'quick' : 'full',
      profileDirectory: values.profile,
    },
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        list: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        connections: { type: 'string' },
        rounds: { type: 'string' },
        json: { type: 'string' },
        profile: { type: 'string' },
      },
    })
  } catch (cause) {
    // Its first sentence says what was wrong; the others, what else might have been meant.
    const [reason] = cause instanceof Error ? cause.message.split('. ') : [String(cause)]
    throw new OptionError('The command line', `cannot be read: ${reason}`, { cause })
  }
}

function count(option: string, text: string | undefined, greatest: number): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > greatest) {
    throw new OptionError(
      option,
      `must be an integer from 1 to ${greatest}, not ${JSON.stringify(text.slice(0, 40))}`,
    )
  }
  return value
}

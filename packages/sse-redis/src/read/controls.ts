import type { ControlEntry } from '@sse-toolkit/sse-server'
import type { Command, Reply } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import { controlsScript } from '../scripts/control.ts'
import { decodeControl } from '../wire.ts'

const script = createScript(controlsScript)

/** The control entries that are kept. */
export interface Controls {
  /** How many had been announced by then. */
  readonly controlled: number
  readonly entries: readonly ControlEntry[]
  /** Those of them that were announced. */
  readonly told: readonly ControlEntry[]
}

/** Looks up the control entries whose names begin with the prefix. */
export async function readControls(
  run: (command: Command) => Promise<Reply>,
  prefix: string,
): Promise<Controls> {
  const { controlled, values } = await run({
    script,
    operation: 'look up control entries',
    changes: 'nothing',
    lane: 'reads',
    args: () => [`${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`],
  })
  // Redis may go over an entry twice.
  const entries = new Map<string, ControlEntry>()
  const told = new Map<string, ControlEntry>()
  for (let index = 0; index < values.length; index += 3) {
    const [age = '0', isTold = '', line = ''] = values.slice(index, index + 3)
    const entry = decodeControl(line, Number(age))
    entries.set(entry.name, entry)
    if (isTold === '1') told.set(entry.name, entry)
  }
  return { controlled, entries: [...entries.values()], told: [...told.values()] }
}

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Whether tests that need a program of the system can run: `describe.skipIf(chromium.skip)`. */
export type ExternalProgram = { skip: false; path: string } | { skip: true; reason: string }

/** A program that CI must have is not there: its tests would be skipped without anybody noticing. */
export class MissingProgramError extends Error {
  override readonly name = 'MissingProgramError'
  readonly code = 'missing-program'
}

/**
 * Looks for a program: first where the environment variable says, then under its names in PATH, and in `folders`.
 *
 * If the program is missing, says so on standard error, once for each call, with the way to get it.
 *
 * @throws {@link MissingProgramError} when the variable names a file that cannot be run, and under CI (`CI` is set)
 *   when the program is missing.
 */
export function findExternalProgram(options: {
  names: readonly string[]
  folders?: readonly string[]
  variable: string
  howToGet: string
  env?: NodeJS.ProcessEnv
}): ExternalProgram {
  const { names, folders: others = [], variable, howToGet, env = process.env } = options
  const named = env[variable]
  if (named !== undefined && named !== '') {
    if (!isExecutable(named)) throw new MissingProgramError(`${variable} is ${named}, which cannot be run`)
    return { skip: false, path: named }
  }
  const folders = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...others]
  for (const folder of folders)
    for (const name of names)
      if (isExecutable(join(folder, name))) return { skip: false, path: join(folder, name) }

  const reason = `${names[0]} is not installed: ${howToGet}, or set ${variable}`
  if (env.CI !== undefined && env.CI !== '' && env.CI !== 'false')
    throw new MissingProgramError(`${reason}. Under CI its tests are not skipped`)
  console.warn(`Skipping tests: ${reason}.`)
  return { skip: true, reason }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

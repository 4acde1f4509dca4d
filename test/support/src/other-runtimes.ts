import { findExternalProgram } from './external-program.ts'
import type { ExternalProgram } from './external-program.ts'

/**
 * Finds `bun`, or the program that the environment variable BUN_PATH names.
 *
 * @throws MissingProgramError under CI when the runtime is missing.
 */
export function findBun(): ExternalProgram {
  return findExternalProgram({ names: ['bun'], variable: 'BUN_PATH', howToGet: 'npm install --global bun' })
}

/**
 * Finds `deno`, or the program that the environment variable DENO_PATH names.
 *
 * @throws MissingProgramError under CI when the runtime is missing.
 */
export function findDeno(): ExternalProgram {
  return findExternalProgram({
    names: ['deno'],
    variable: 'DENO_PATH',
    howToGet: 'npm install --global deno',
  })
}

import { findExternalProgram } from './external-program.ts'
import type { ExternalProgram } from './external-program.ts'

/**
 * Finds `bun`, or what the environment variable BUN_PATH names.
 *
 * @throws MissingProgramError under CI when there is none.
 */
export function findBun(): ExternalProgram {
  return findExternalProgram({ names: ['bun'], variable: 'BUN_PATH', howToGet: 'npm install --global bun' })
}

/**
 * Finds `deno`, or what the environment variable DENO_PATH names.
 *
 * @throws MissingProgramError under CI when there is none.
 */
export function findDeno(): ExternalProgram {
  return findExternalProgram({
    names: ['deno'],
    variable: 'DENO_PATH',
    howToGet: 'npm install --global deno',
  })
}

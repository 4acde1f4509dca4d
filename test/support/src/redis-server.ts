import { findExternalProgram } from './external-program.ts'
import type { ExternalProgram } from './external-program.ts'

/**
 * Finds `redis-server`, or what the environment variable REDIS_SERVER_PATH names.
 *
 * @throws MissingProgramError under CI when Redis is missing.
 */
export function findRedisServer(env: NodeJS.ProcessEnv = process.env): ExternalProgram {
  return findExternalProgram({
    names: ['redis-server'],
    variable: 'REDIS_SERVER_PATH',
    howToGet: 'apt-get install redis-server',
    env,
  })
}

/**
 * Asks what the server is, and touches no key.
 *
 *     ->    version, maxmemory in bytes, its policy
 */
export const inspectionScript: string = String.raw`
local server, memory = redis.call('INFO', 'server'), redis.call('INFO', 'memory')
return {
  string.match(server, 'redis_version:(%S+)'),
  string.match(memory, 'maxmemory:(%d+)'),
  string.match(memory, 'maxmemory_policy:(%S+)'),
}
`

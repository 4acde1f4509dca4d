import cluster from 'node:cluster'
import { closeOnSignals } from '@sse-toolkit/http-core/node'
import { startDemo } from './server/demo.ts'
import type { Demo } from './server/demo.ts'
import { serveAsNode } from './server/nodes/node.ts'
import { LOAD_CLIENTS_ARGUMENT, runLoadClients } from './server/load/load-clients.ts'
import { makeOwnFile } from './server/nodes/own-file.ts'
import { startOwnRedis } from './server/nodes/own-redis.ts'
import { startNodes } from './server/nodes/start-nodes.ts'
import { HELP, parseCommand } from './server/options.ts'
import type { DemoCommand, ServeCommand } from './server/options.ts'
import { loadTls } from './server/tls.ts'
import { UsageError } from './server/errors/usage-error.ts'

const EXIT_FAILURE = 1
const EXIT_USAGE = 2

const inMemory = { kind: 'memory' } as const

async function main(): Promise<void> {
  const command = readCommand()
  if (command.kind === 'help') {
    console.log(HELP)
    return
  }
  const demo = await start(command)
  // Registered before the demo says that Ctrl-C stops it. Open streams have no end to reach, so none counts as destroyed.
  closeOnSignals({
    async close() {
      await demo.close()
      return { destroyedConnections: 0 }
    },
  })
  const { token, tokenSource } = command
  if (tokenSource === 'random') {
    console.log(`The demo runs at ${demo.url}?token=${token} (Ctrl-C stops it)`)
    console.log('Open this address to use all controls. Without the token you can only watch.')
  } else {
    console.log(`The demo runs at ${demo.url} (Ctrl-C stops it)`)
    console.log(
      `To use its controls, open ${demo.url}?token= with your token. Without the token you can only watch.`,
    )
  }
  await demo.failed
}

function readCommand(): DemoCommand {
  try {
    return parseCommand(process.argv.slice(2), process.env)
  } catch (error) {
    if (error instanceof UsageError) exitWith(EXIT_USAGE, error.message)
    throw error
  }
}

/** One process, with its log in memory or in a file; or several, with theirs in a file or on Redis. */
async function startServing(serve: ServeCommand): Promise<Demo> {
  const command = { ...serve, tls: await loadTls(serve.tls, serve.host) }
  const { log } = command
  if (command.nodes === 1 && log?.kind !== 'redis') return startDemo({ ...command, log: log ?? inMemory })
  if (log !== undefined) return startNodes({ ...command, log })
  if (command.ownLog === 'file') {
    const file = await makeOwnFile()
    return closing(
      () => startNodes({ ...command, log: { kind: 'file', path: file.path } }),
      () => file.remove(),
    )
  }
  const redis = await startOwnRedis()
  if (redis === undefined) {
    console.error(
      'No redis-server was found (Debian: apt install redis-server), so one process serves from memory.',
    )
    return startDemo({ ...command, log: inMemory })
  }
  return closing(
    () => startNodes({ ...command, log: { kind: 'redis', url: redis.url } }),
    () => redis.close(),
  )
}

/** Starts a demo, and closes what it stands on after it, or if it cannot start. */
async function closing(begin: () => Promise<Demo>, close: () => Promise<void>): Promise<Demo> {
  try {
    const demo = await begin()
    return {
      ...demo,
      async close() {
        await demo.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function start(command: ServeCommand): Promise<Demo> {
  const { port } = command
  try {
    return await startServing(command)
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (code === 'address-in-use') {
      const free = port < 65_535 ? port + 1 : port - 1
      exitWith(
        EXIT_FAILURE,
        `Port ${port} is in use. Take another one: pnpm demo --port ${free}, or PORT=${free}.`,
      )
    }
    if (error instanceof UsageError) exitWith(EXIT_USAGE, error.message)
    if (error instanceof Error && error.name === 'LogFileError') exitWith(EXIT_FAILURE, error.message)
    if (error instanceof Error && error.name === 'OptionError')
      exitWith(EXIT_USAGE, `--log: ${error.message}`)
    if (error instanceof Error && error.name === 'ListenError') exitWith(EXIT_FAILURE, `${error.message}.`)
    throw error
  }
}

function exitWith(code: number, line: string): never {
  console.error(line)
  process.exit(code)
}

if (process.argv[2] === LOAD_CLIENTS_ARGUMENT) runLoadClients()
else if (cluster.isWorker) serveAsNode()
else await main()

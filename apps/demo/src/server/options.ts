import { parseArgs } from 'node:util'
import { createControlToken } from './control-access.ts'
import { UsageError } from './errors/usage-error.ts'
import type { InspectReach } from './inspect/reach.ts'
import type { SharedLogPlace } from './open-log.ts'
import type { TlsChoice } from './tls.ts'

const DEFAULT_PORT = 8080

export const HELP = `Usage: pnpm demo [options]

Shows live figures of this machine on a web page, streamed as server-sent events.

Options:
  --port <number>   the port to listen on; 0 takes any free one (default: $PORT, else ${DEFAULT_PORT})
  --host <address>  the address to listen on (default: 127.0.0.1, so that only this machine can see the page)
  --nodes <number>  the number of processes that serve the page on one port, 1 to 8; several share a log (default: 1)
  --workers <count> the same on one file, a temporary one without --log; needs no Redis
  --log <file>      keep the events in this file: a restart loses none, and several processes share it
  --redis <url>     keep the events on this Redis (default for --nodes: a redis-server of its own, if one is on the PATH)
  --token <token>   the token for the controls: 16 to 128 letters, digits, and - . _ ~ (default: $SSE_DEMO_TOKEN, else a
                    random one, printed at the start); other users' processes can see an option, but not a variable
  --allow-inspect   let the Inspect view connect to any server, not only to this machine
  --tls             serve over HTTPS and HTTP/2, with a certificate that openssl makes for this run
  --tls-cert <file> the certificate to use instead, with its chain, as PEM; needs --tls-key
  --tls-key <file>  the certificate's private key, as PEM; needs --tls-cert
  --help            print this and exit

Stop it with Ctrl-C.
`

export interface ServeCommand {
  kind: 'serve'
  host: string
  port: number
  nodes: number
  /** Undefined: in memory, or in a place of the demo's own. */
  log: SharedLogPlace | undefined
  /** The log that several processes share by default. */
  ownLog: 'redis' | 'file'
  inspectReach: InspectReach
  token: string
  /** A token that the user chose is a secret, and is not printed. */
  tokenSource: 'given' | 'random'
  tls: TlsChoice
}

export type DemoCommand = ServeCommand | { kind: 'help' }

/**
 * Reads the command line.
 *
 * @throws {@link UsageError} `code: 'usage'` for an unknown option, or a value that cannot be.
 */
export function parseCommand(
  args: readonly string[],
  env: { readonly PORT?: string | undefined; readonly SSE_DEMO_TOKEN?: string | undefined },
): DemoCommand {
  const values = parseOptions(args)
  if (values.help === true) return { kind: 'help' }
  const { host = '127.0.0.1', port, workers } = values
  if (workers !== undefined && (values.nodes !== undefined || values.redis !== undefined))
    throw new UsageError('--workers share a file: do not combine with --nodes or --redis.')
  const [count, nodes = '1'] = workers === undefined ? ['--nodes', values.nodes] : ['--workers', workers]
  if (host === '') throw new UsageError('--host is empty: give an address, such as 127.0.0.1.')
  // An empty variable is how a shell says "none".
  const fromEnv = env.PORT === '' ? undefined : env.PORT
  if (!/^[1-8]$/.test(nodes))
    throw new UsageError(`${count} is ${JSON.stringify(nodes.slice(0, 40))}: give a number from 1 to 8.`)
  const [name, text] = port === undefined ? (['PORT', fromEnv] as const) : (['--port', port] as const)
  return {
    kind: 'serve',
    host,
    port: text === undefined ? DEFAULT_PORT : parsePort(name, text),
    nodes: Number(nodes),
    log: chooseLog(values),
    ownLog: workers === undefined ? 'redis' : 'file',
    inspectReach: values['allow-inspect'] === true ? 'anywhere' : 'loopback',
    tls: chooseTls(values),
    ...chooseToken(values.token, env.SSE_DEMO_TOKEN),
  }
}

function chooseToken(
  option: string | undefined,
  variable: string | undefined,
): Pick<ServeCommand, 'token' | 'tokenSource'> {
  const fromEnv = variable === '' ? undefined : variable
  const [name, token] =
    option === undefined ? (['SSE_DEMO_TOKEN', fromEnv] as const) : (['--token', option] as const)
  if (token === undefined) return { token: createControlToken(), tokenSource: 'random' }
  // Characters that need no escaping in a URL or a cookie. The error does not repeat the secret.
  if (!/^[\w.~-]{16,128}$/.test(token))
    throw new UsageError(`${name} is invalid: give 16 to 128 letters, digits, and - . _ ~.`)
  return { token, tokenSource: 'given' }
}

function chooseLog({ log: path, redis: url }: ReturnType<typeof parseOptions>): SharedLogPlace | undefined {
  if (path !== undefined && url !== undefined)
    throw new UsageError('--log and --redis exclude each other: the demo keeps its events in one place.')
  if (path !== undefined) {
    if (path === '') throw new UsageError('--log is empty: give a file.')
    return { kind: 'file', path }
  }
  if (url === undefined) return undefined
  if (!/^rediss?:\/\/\S+$/.test(url))
    throw new UsageError(`--redis is ${JSON.stringify(url.slice(0, 40))}: give a URL, redis://host:port.`)
  return { kind: 'redis', url }
}

function chooseTls(values: ReturnType<typeof parseOptions>): TlsChoice {
  const { tls = false, 'tls-cert': certFile, 'tls-key': keyFile } = values
  if (certFile === undefined && keyFile === undefined) return tls ? 'self-signed' : 'off'
  if (certFile === undefined || keyFile === undefined)
    throw new UsageError('--tls-cert and --tls-key need each other: give both, or --tls alone.')
  return { certFile, keyFile }
}

function parseOptions(
  args: readonly string[],
): Partial<
  Record<'host' | 'port' | 'nodes' | 'workers' | 'log' | 'redis' | 'token' | 'tls-cert' | 'tls-key', string>
> &
  Partial<Record<'help' | 'allow-inspect' | 'tls', boolean>> {
  try {
    return parseArgs({
      // pnpm passes the separator of `pnpm demo -- --port 1` on.
      args: args[0] === '--' ? args.slice(1) : [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        host: { type: 'string' },
        port: { type: 'string' },
        nodes: { type: 'string' },
        workers: { type: 'string' },
        log: { type: 'string' },
        redis: { type: 'string' },
        token: { type: 'string' },
        'allow-inspect': { type: 'boolean' },
        tls: { type: 'boolean' },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
      },
    }).values
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // Node's first sentence names the option; the rest explains its own rules.
    const [sentence = error.message] = error.message.split(/\.\s|\n/)
    throw new UsageError(`${sentence}. Run with --help for the options.`, { cause: error })
  }
}

function parsePort(name: string, text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new UsageError(`${name} is ${JSON.stringify(text.slice(0, 40))}: give a number from 0 to 65535.`)
  return port
}

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createSecureContext } from 'node:tls'
import { UsageError } from './errors/usage-error.ts'

/** What the command line asks for. */
export type TlsChoice = 'off' | 'self-signed' | { readonly certFile: string; readonly keyFile: string }

/** A certificate with its chain, and its private key, as PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

const OPENSSL_TIMEOUT_MS = 20_000

/**
 * The certificate to serve with: from files, or made by `openssl` for this machine's own names, for a week.
 *
 * @throws {@link UsageError} `code: 'usage'` for files that cannot be read or do not fit together, and where there is no
 *   openssl.
 */
export async function loadTls(choice: TlsChoice, host: string): Promise<TlsFiles | undefined> {
  if (choice === 'off') return undefined
  if (choice === 'self-signed') return makeCertificate(host)
  const { certFile, keyFile } = choice
  const files = {
    cert: await readPem('--tls-cert', certFile),
    key: await readPem('--tls-key', keyFile),
  }
  try {
    createSecureContext(files)
  } catch (error) {
    throw new UsageError(`--tls-cert and --tls-key do not work: ${(error as Error).message}.`, {
      cause: error,
    })
  }
  return files
}

async function readPem(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new UsageError(`${option} cannot be read: ${(error as Error).message}.`, { cause: error })
  }
}

async function makeCertificate(host: string): Promise<TlsFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = new Set(['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'])
  if (/^[\d.]+$|:/.test(host)) names.add(`IP:${host}`)
  else names.add(`DNS:${host}`)
  try {
    await promisify(execFile)(
      'openssl',
      // prettier-ignore
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '7',
        '-subj', '/CN=SSE toolkit demo', '-addext', `subjectAltName=${[...names].join(',')}`,
        '-keyout', key, '-out', cert],
      { timeout: OPENSSL_TIMEOUT_MS },
    )
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') }
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    const reason = code === 'ENOENT' ? 'there is no openssl on the PATH' : message.trim()
    throw new UsageError(`--tls could make no certificate: ${reason}. Give --tls-cert and --tls-key.`, {
      cause: error,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

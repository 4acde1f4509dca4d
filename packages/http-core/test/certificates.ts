import { readFileSync } from 'node:fs'

const read = (name: string): string => readFileSync(new URL(`tls/${name}`, import.meta.url), 'utf8')

/** For localhost and 127.0.0.1, signed by nobody, good for a hundred years. */
export const testOnly: { readonly key: string; readonly cert: string } = {
  key: read('test-only.key'),
  cert: read('test-only.crt'),
}

/** Another one for the same names. */
export const testOnlyRenewed: { readonly key: string; readonly cert: string } = {
  key: read('test-only-renewed.key'),
  cert: read('test-only-renewed.crt'),
}

import { textResponse, jsonResponse } from '../../response/light-response.ts'

/** One entry of a directory listing. */
export interface ListedEntry {
  readonly name: string
  readonly kind: 'file' | 'directory'
  readonly sizeBytes?: number
}

/** Creates a directory listing: JSON if the client prefers JSON, otherwise an HTML page. */
export function listing(
  request: Request,
  path: readonly string[],
  entries: readonly ListedEntry[],
): Response {
  const headers = { vary: 'Accept', 'cache-control': 'no-cache' }
  if (/^application\/json\b/i.test(request.headers.get('accept') ?? ''))
    return jsonResponse({ entries }, { headers })
  const title = escaped(`/${path.join('/')}`)
  const up = path.length === 0 ? [] : ['<li><a href="../">../</a></li>']
  const lines = entries.map(({ name, kind }) => {
    const slash = kind === 'directory' ? '/' : ''
    return `<li><a href="./${escaped(encodeURIComponent(name))}${slash}">${escaped(name)}${slash}</a></li>`
  })
  const page = [
    '<!doctype html>',
    `<meta charset="utf-8"><title>${title}</title><h1>${title}</h1>`,
    '<ul>',
    ...up,
    ...lines,
    '</ul>',
    '',
  ]
  return textResponse(page.join('\n'), {
    headers: { ...headers, 'content-type': 'text/html; charset=utf-8' },
  })
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes a file name for HTML, since a client may have chosen the name in an upload. */
function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}

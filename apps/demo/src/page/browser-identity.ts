const ID_KEY = 'sse-toolkit-demo.reader'
const TOKEN_KEY = 'sse-toolkit-demo.token'
const READER_ID = /^[0-9a-f]{32}$/

/** The browser's id for the server, the same in all of its tabs, which read over one connection. */
export interface BrowserIdentity {
  /** Names the reader: see server/connections.ts. */
  readonly id: string
  /** The newest that any tab has got: whichever tab holds the connection sends it. */
  token: string | undefined
}

/** Kept in localStorage, so that all tabs have the same id. Without localStorage, each page counts as a browser. */
export function createBrowserIdentity(): BrowserIdentity {
  const storage = findStorage()
  const known = storage.getItem(ID_KEY) ?? ''
  const id = READER_ID.test(known) ? known : createReaderId()
  storage.setItem(ID_KEY, id)
  return {
    id,
    get token() {
      return storage.getItem(TOKEN_KEY) ?? undefined
    },
    set token(token) {
      if (token !== undefined) storage.setItem(TOKEN_KEY, token)
    },
  }
}

function findStorage(): Pick<Storage, 'getItem' | 'setItem'> {
  try {
    // It may be there and take nothing: full, or forbidden by the user.
    localStorage.setItem(ID_KEY, localStorage.getItem(ID_KEY) ?? '')
    return localStorage
  } catch {
    const values = new Map<string, string>()
    return { getItem: (key) => values.get(key) ?? null, setItem: (key, value) => void values.set(key, value) }
  }
}

/** 128 random bits. Not `randomUUID`, which pages on a plain-http address of the network do not have. */
function createReaderId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

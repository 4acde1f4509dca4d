/** A script, and the hash by which Redis knows it. */
export interface Script {
  readonly text: string
  readonly sha1: Promise<string>
}

export function createScript(text: string): Script {
  return { text, sha1: sha1Of(text) }
}

async function sha1Of(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-1', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

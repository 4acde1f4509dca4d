import { registerHooks } from 'node:module'
import type { Mutant } from './mutants.ts'

const root = new URL('../../', import.meta.url)

/** The source with the mutation in it. @throws Error if it does not fit. */
function mutate({ name, file, find, replace }: Mutant, source: string): string {
  const parts = source.split(find)
  if (parts.length !== 2)
    throw new Error(`The mutant ${name} finds its text ${parts.length - 1} times in ${file}; it must be once`)
  return parts.join(replace)
}

/** Every module that this thread loads from now on is as the mutant has it. */
export function loadWith(mutant: Mutant): void {
  const target = new URL(mutant.file, root).href
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (url !== target) return loaded
      const { source } = loaded
      const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString()
      return { ...loaded, source: mutate(mutant, text) }
    },
  })
}

/** What runs in the page of shared.abroad.test.ts. */
import { createElement, StrictMode } from 'react'
import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { createSharedEventSource } from '../../src/react/shared.ts'

export interface SharedProps {
  readonly url: string | null
  /** The components below, with the events that each selects. */
  readonly readers: readonly { readonly name: string; readonly type?: string; readonly topic?: string }[]
  readonly label: string
}

export interface SharedGlobals {
  readonly calls: string[]
  /** Of each component, by name: how often it was rendered. */
  readonly renders: Record<string, number>
  render(props: SharedProps): void
  unmount(): void
}

const calls: string[] = []
const renders: Record<string, number> = {}
const shared = createSharedEventSource({ reconnection: { baseDelayMs: 1, minDelayMs: 1 } })

function Reader({ name, type, topic }: SharedProps['readers'][number]): ReactNode {
  const { status, event } = shared.useEvents({
    type,
    topic,
    onEvent: ({ data }) => calls.push(`${name} ${data}`),
  })
  renders[name] = (renders[name] ?? 0) + 1
  return createElement('p', {}, `${name} ${status.state} ${event?.data ?? '-'}`)
}

const { document } = globalThis as unknown as { document: { querySelector(selector: 'main'): Element } }
const root = createRoot(document.querySelector('main'))

Object.assign(globalThis, {
  calls,
  renders,
  render({ url, readers, label }) {
    const below = readers.map((reader) => createElement(Reader, { key: reader.name, ...reader }))
    const options = {
      headers: () => ({ 'x-label': label }),
      onEvent: () => void calls.push(`provider ${label}`),
    }
    root.render(createElement(StrictMode, {}, createElement(shared.Provider, { url, options }, ...below)))
  },
  unmount: () => root.unmount(),
} satisfies SharedGlobals)

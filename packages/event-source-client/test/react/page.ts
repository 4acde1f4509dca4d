/** What runs in the page of use-event-source.abroad.test.ts. */
import { Activity, Component, createElement, StrictMode, useState } from 'react'
import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { useEventSource } from '../../src/react/index.ts'

/** What the test sets from outside. */
export interface Props {
  readonly url: string | null
  readonly label: string
  readonly isHidden?: boolean
  readonly options?: { readonly data?: 'json'; readonly connectTimeoutMs?: number; readonly method?: string }
}

export interface PageGlobals {
  /** What `onEvent`, `onGap`, `onError` were called with, by the label of the render that they are of. */
  readonly calls: string[]
  readonly texts: string[]
  /** The labels of all renders. */
  readonly renders: string[]
  render(props: Props): void
  unmount(): void
  reconnect(): void
}

const calls: string[] = []
const texts: string[] = []
const renders: string[] = []
let reconnect = (): void => {}

function Stream({ url, label, options }: Props): ReactNode {
  const [count, setCount] = useState(0)
  const view = useEventSource<undefined, 'text' | 'json'>(url, {
    reconnection: { baseDelayMs: 1, minDelayMs: 1 },
    ...options,
    headers: () => ({ 'x-label': label }),
    onEvent({ data }) {
      calls.push(`${label}: ${JSON.stringify(data)}`)
      setCount((before) => before + 1)
    },
    onGap: ({ reason }) => calls.push(`${label}: gap ${reason}`),
    onError: ({ code }) => calls.push(`${label}: ${code}`),
  })
  reconnect = view.reconnect
  renders.push(label)
  const { status } = view
  const state = status.state === 'closed' ? `closed ${status.reason}` : status.state
  const text = `${state} ${JSON.stringify(view.event?.data) ?? '-'} ${count}`
  if (texts.at(-1) !== text) texts.push(text)
  return createElement('p', undefined, text)
}

class Boundary extends Component<{ children: ReactNode }> {
  override readonly state: { error?: Error } = {}
  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error }
  }
  override render(): ReactNode {
    return this.state.error ? createElement('p', undefined, this.state.error.message) : this.props.children
  }
}

const { document } = globalThis as unknown as { document: { querySelector(selector: 'main'): Element } }
const root = createRoot(document.querySelector('main'))

function render({ isHidden = false, ...props }: Props): void {
  const mode = isHidden ? 'hidden' : 'visible'
  const activity = createElement(Activity, { mode, children: createElement(Stream, props) })
  root.render(createElement(StrictMode, undefined, createElement(Boundary, { children: activity })))
}

Object.assign(globalThis, {
  calls,
  texts,
  renders,
  render,
  unmount: () => root.unmount(),
  reconnect: () => reconnect(),
} satisfies PageGlobals)

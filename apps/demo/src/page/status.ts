import { byId } from './element.ts'

type StatusState = 'connecting' | 'open' | 'reconnecting' | 'closed'

export interface StatusLine {
  /** @param delayMs - Not if it is something else by then. */
  show(state: StatusState, text: string, delayMs?: number): void
}

/** The connection's status; screen readers hear each change once. */
export function createStatusLine(): StatusLine {
  const line = byId('status', HTMLParagraphElement)
  const text = byId('status-text', HTMLSpanElement)
  let timer: ReturnType<typeof setTimeout> | undefined

  function show(state: StatusState, words: string): void {
    line.dataset.state = state
    // Figures that are not fed any more are shown as such.
    document.documentElement.dataset.stream = state
    if (text.textContent !== words) text.textContent = words
  }

  return {
    show(state, words, delayMs = 0) {
      clearTimeout(timer)
      if (delayMs === 0) show(state, words)
      else timer = setTimeout(() => show(state, words), delayMs)
    },
  }
}

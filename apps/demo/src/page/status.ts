import { byId } from './element.ts'

type StatusState = 'connecting' | 'open' | 'reconnecting' | 'closed'

export interface StatusLine {
  show(state: StatusState, text: string): void
}

/** The connection's status; screen readers hear each change once. */
export function createStatusLine(): StatusLine {
  const line = byId('status', HTMLParagraphElement)
  const text = byId('status-text', HTMLSpanElement)
  return {
    show(state, words) {
      line.dataset.state = state
      // Figures that are not fed any more are shown as such.
      document.documentElement.dataset.stream = state
      if (text.textContent !== words) text.textContent = words
    },
  }
}

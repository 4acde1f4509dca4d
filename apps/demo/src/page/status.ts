import { byId } from './element.ts'

type StatusState = 'connecting' | 'open' | 'quiet' | 'reconnecting' | 'closed'

export interface StatusLine {
  /** @param delayMs - Not if it is something else by then. */
  show(state: StatusState, text: string, delayMs?: number): void
  /** Follows the text, and changes as time goes by. Screen readers are spared it. */
  count(text: string): void
}

/** The connection's status; screen readers announce each change once. */
export function createStatusLine(): StatusLine {
  const text = byId('status-text', HTMLSpanElement)
  const count = byId('status-count', HTMLSpanElement)
  let timer: ReturnType<typeof setTimeout> | undefined

  function showCount(words: string): void {
    const shown = words === '' ? '' : ` ${words}`
    if (count.textContent !== shown) count.textContent = shown
  }

  function show(state: StatusState, words: string): void {
    // Figures that are not fed any more are shown as such.
    document.documentElement.dataset.stream = state
    showCount('')
    if (text.textContent !== words) text.textContent = words
  }

  return {
    show(state, words, delayMs = 0) {
      clearTimeout(timer)
      if (delayMs === 0) show(state, words)
      else timer = setTimeout(() => show(state, words), delayMs)
    },
    count: showCount,
  }
}

import { CONTROL_REFUSALS } from '../control-refusal.ts'
import type { About } from '../samples.ts'
import { byId } from './element.ts'

/** Says that this page is there to watch, where it is, and what it takes to use the controls. */
export interface ControlNotice {
  show(controls: About['controls']): void
}

/** Takes a token that the server did not take (it redirects the right one) out of the address, too. */
export function createControlNotice(): ControlNotice {
  const line = byId('control-notice', HTMLParagraphElement)
  const hadWrongToken = new URLSearchParams(location.search).has('token')
  if (hadWrongToken) history.replaceState(history.state, '', `${location.pathname}${location.hash}`)
  return {
    show(controls) {
      line.hidden = controls === 'allowed'
      if (controls === 'allowed') return
      const why = hadWrongToken ? 'token-wrong' : controls
      line.textContent = `You can watch. ${CONTROL_REFUSALS[why]}`
    },
  }
}

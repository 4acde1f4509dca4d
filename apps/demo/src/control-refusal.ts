/** Why the server did not do what a control of the page asked for. */
export type ControlRefusalCode = 'token-missing' | 'token-wrong' | 'other-site'

/** What the server answers then: 401 without the right token, 403 to a page of another site. */
export interface ControlRefusal {
  readonly code: ControlRefusalCode
  /** To be shown next to the control. */
  readonly message: string
}

const HOW_TO_GET_IT =
  'Open the address that the demo printed in its terminal (it ends in ?token=\u2026) in this browser, and try again.'

export const CONTROL_REFUSALS: Readonly<Record<ControlRefusalCode, string>> = {
  'token-missing': `This needs a token. ${HOW_TO_GET_IT}`,
  'token-wrong': `This browser has a different token than the demo, which may have been restarted. ${HOW_TO_GET_IT}`,
  'other-site': 'The demo refuses requests from pages of other sites.',
}

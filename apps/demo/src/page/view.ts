import type { Theme } from './theme.ts'

/** One of the page's views: built when it is first shown, kept after that. */
export interface View {
  /** In the address, after `#/`. */
  readonly path: string
  /** In the navigation and the document's title. */
  readonly title: string
  /** A `<section>` with its own heading. */
  readonly element: HTMLElement
  /** It is shown from now on: draw, ask, subscribe. */
  show(): void
  /** It is not shown any more: stop what costs. */
  hide(): void
}

/** The parts that every view may use. */
export interface ViewContext {
  /** Names this browser for the server. */
  readonly readerId: string
  readonly theme: Theme
}

import { byId, create } from './element.ts'
import type { View } from './view.ts'

/** The part of a view that the switch needs before the view is built. */
export interface ViewSlot extends Pick<View, 'path' | 'title'> {
  create(): View
}

const SITE_TITLE = 'SSE toolkit'

/**
 * Shows one view at a time, by the address: `#/connection`. An address that names none, or one that is unknown, shows
 * the first.
 */
export function createViewSwitch(slots: readonly [ViewSlot, ...ViewSlot[]]): void {
  const list = byId('views', HTMLUListElement)
  const main = byId('main', HTMLElement)
  const built = new Map<ViewSlot, View>()
  const links = new Map<ViewSlot, HTMLAnchorElement>()
  let shown: View | undefined

  for (const slot of slots) {
    const link = create('a', 'nav-link', slot.title)
    link.href = `#/${slot.path}`
    const item = create('li')
    item.append(link)
    list.append(item)
    links.set(slot, link)
  }

  /** Marks the sides on which links are cut off. */
  function markMore(): void {
    const { scrollLeft, clientWidth, scrollWidth } = list
    const sides = [scrollLeft > 1 && 'start', scrollLeft + clientWidth < scrollWidth - 1 && 'end']
    const more = sides.filter((side) => side !== false).join(' ')
    if (more === '') delete list.dataset.more
    else list.dataset.more = more
  }
  list.addEventListener('scroll', markMore, { passive: true })
  new ResizeObserver(markMore).observe(list)

  function build(slot: ViewSlot): View {
    const view = built.get(slot) ?? slot.create()
    if (!built.has(slot)) {
      built.set(slot, view)
      view.element.hidden = true
      main.append(view.element)
    }
    return view
  }

  /** @returns The view, if it is another one than before. */
  function follow(): View | undefined {
    // A link to a place within the page.
    if (shown !== undefined && /^#[^/]/.test(location.hash)) return undefined
    const path = location.hash.replace(/^#\//, '')
    const slot = slots.find((each) => each.path === path) ?? slots[0]
    const next = build(slot)
    if (next === shown) return undefined
    if (shown !== undefined) {
      shown.hide()
      shown.element.hidden = true
    }
    next.element.hidden = false
    for (const [each, link] of links) {
      if (each !== slot) link.removeAttribute('aria-current')
      else {
        link.setAttribute('aria-current', 'page')
        // On a narrow screen the list scrolls. Not the page: the list stays in sight of itself.
        list.scrollTo({ left: link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2 })
      }
    }
    document.title = `${slot.title} - ${SITE_TITLE}`
    shown = next
    next.show()
    return next
  }

  addEventListener('hashchange', () => {
    // Screen readers continue with the new view; on load, they begin with the page.
    const heading = follow()?.element.querySelector<HTMLElement>('h2')
    if (!heading) return
    heading.tabIndex = -1
    heading.focus({ preventScroll: true })
    scrollTo({ top: 0 })
  })
  follow()
}

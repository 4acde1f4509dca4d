import { create } from '../element.ts'
import { formatCount, formatDuration, formatMemory } from '../format.ts'
import type { View, ViewContext } from '../view.ts'
import { createEventTable } from './event-table.ts'
import { createInspectForm } from './inspect-form.ts'
import { startInspection } from './inspection.ts'
import type { Inspection } from './inspection.ts'
import { createRawPanel } from './raw-panel.ts'

const RENDER_INTERVAL_MS = 300
const SEVERITY_NAMES = { error: 'Error', warning: 'Warning', note: 'Note' } as const

/** Points the server at any stream, and shows what comes: bytes, events, timing, and what is wrong with it. */
export function createInspectView(_context: ViewContext): View {
  const element = create('section', 'inspect')
  element.setAttribute('aria-labelledby', 'inspect-title')
  const form = createInspectForm()
  const summary = create('p', 'inspect-summary', 'Nothing inspected yet.')
  summary.setAttribute('role', 'status')
  const findings = create('ol', 'inspect-findings')
  const events = createEventTable()
  const head = create('dl', 'inspect-fields')
  const raw = createRawPanel()
  let inspection: Inspection | undefined
  let timer: ReturnType<typeof setInterval> | undefined
  let shownFindings = ''

  const verdict = create('div', 'inspect-column')
  const headCard = card('Head of the response', head)
  verdict.append(card('What is wrong with it', summary, findings), headCard)
  const evidence = create('div', 'inspect-column')
  evidence.append(card('Events and comments', events.element), card('Bytes as they came', raw.element))
  // There is nothing to see in them before an answer.
  headCard.hidden = true
  evidence.hidden = true
  element.append(form.element, verdict, evidence)
  form.onSubmit((order) => {
    headCard.hidden = true
    evidence.hidden = true
    stop()
    findings.replaceChildren()
    head.replaceChildren()
    shownFindings = ''
    inspection = startInspection(order, { now: () => performance.now(), onEnd: finish })
    form.setRunning(true)
    timer = setInterval(render, RENDER_INTERVAL_MS)
    render()
  })
  form.onStop(stop)
  raw.onFormChange(render)

  function stop(): void {
    inspection?.stop()
  }

  function finish(problem: string | undefined): void {
    clearInterval(timer)
    form.setRunning(false)
    render()
    if (problem !== undefined) summary.textContent = problem
  }

  function render(): void {
    if (inspection === undefined) return
    summary.textContent = summaryOf(inspection)
    renderFindings(inspection)
    if (inspection.head === undefined) return
    headCard.hidden = false
    evidence.hidden = false
    if (head.childElementCount === 0)
      for (const [name, value] of inspection.head.fields)
        head.append(create('dt', '', name), create('dd', '', value))
    events.show(inspection.reading.blocks)
    raw.show(inspection.raw)
  }

  function renderFindings(of: Inspection): void {
    const found = of.findings
    // What has not changed is not written again: a screen reader, and a selection, stay where they are.
    const text = JSON.stringify(found)
    if (text === shownFindings) return
    shownFindings = text
    findings.replaceChildren(
      ...found.map(({ severity, text: what, hint }) => {
        const item = create('li', 'inspect-finding')
        item.dataset.severity = severity
        const body = create('div')
        body.append(create('p', 'inspect-what', what), create('p', 'inspect-hint', hint))
        item.append(create('span', 'inspect-severity', SEVERITY_NAMES[severity]), body)
        return item
      }),
    )
  }

  return {
    path: 'inspect',
    title: 'Inspect',
    element,
    show() {},
    // Nobody watches: the server need not.
    hide: stop,
  }
}

function summaryOf({ head, end, reading, watchedMs, findings }: Inspection): string {
  if (head === undefined && end === undefined)
    return `Requested ${formatDuration(watchedMs)} ago; no answer yet.`
  const { events, comments } = reading.counts
  const seen = `${counted(events, 'event')}, ${counted(comments, 'comment')}, ${formatMemory(reading.byteCount)} in ${formatDuration(watchedMs)}`
  const serious = findings.filter(({ severity }) => severity !== 'note').length
  if (end?.reason === 'not-allowed') return 'Not inspected.'
  const verdict = serious === 0 ? 'Nothing to fix.' : `${counted(serious, 'problem')} to fix.`
  return head === undefined
    ? verdict
    : `Status ${head.status} after ${formatDuration(head.atMs)}. ${seen}. ${verdict}`
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

function card(title: string, ...content: HTMLElement[]): HTMLElement {
  const section = create('section', 'card')
  section.append(create('h3', '', title), ...content)
  return section
}

import type { StreamStatus } from '@sse-toolkit/event-source-client'
import type { About } from '../../samples.ts'
import { create } from '../element.ts'
import { createFaultButton } from '../fault-button.ts'
import type { FaultButton } from '../fault-button.ts'
import { formatCount, formatDuration } from '../format.ts'
import type { Journal } from '../journal.ts'
import type { NetworkSwitch } from '../network-switch.ts'
import type { SequenceMeter } from '../sequence-meter.ts'
import type { ServerClock } from '../server-clock.ts'
import type { LiveStream } from '../stream.ts'
import { describeSharing } from '../tab-census.ts'
import type { TabCensus } from '../tab-census.ts'
import type { TabChannel } from '../tab-channel.ts'
import type { View, ViewContext } from '../view.ts'
import type { ConnectionRecord } from './connection-record.ts'
import { MISSED_HEARTBEATS } from './fault-reports.ts'
import type { FaultReports, ReportPlace } from './fault-reports.ts'
import { FAULT_STORIES, KILL_NEEDS_NODES, LET_IN } from './faults.ts'
import type { FaultStory } from './faults.ts'
import { createLatencyCard } from './latency-card.ts'
import { createTimeline } from './timeline.ts'

const FRAME_MS = 100

export interface ConnectionView extends View {
  onStatus(status: StreamStatus): void
  setAbout(about: About): void
}

/** Shows the connection's state, and offers the faults that break it. */
export function createConnectionView(
  context: ViewContext,
  parts: {
    record: ConnectionRecord
    stream: LiveStream
    network: NetworkSwitch
    tabs: TabChannel
    census: TabCensus
    journal: Journal
    reports: FaultReports
    meter: SequenceMeter
    clock: ServerClock
    now: () => number
  },
): ConnectionView {
  const { record, stream, network, tabs, census, journal, reports, meter, clock, now } = parts
  const element = create('section', 'view view-connection')
  const heading = create('h2', 'view-title', 'Connection')
  heading.id = 'connection-title'
  element.setAttribute('aria-labelledby', heading.id)

  const timeline = createTimeline(record, context.theme)
  const latency = createLatencyCard(record)
  const buttons: FaultButton[] = []
  let kill: { readonly button: FaultButton; readonly why: HTMLElement } | undefined

  const [facts, showFact] = createFacts([
    'Status',
    'Shared by',
    'Last event id',
    'Silent for',
    'Heartbeat',
    'Reconnections',
    'Received',
    'Missing',
    'Repeated',
    'Announced gaps',
    'Clock: this browser minus server',
  ])
  const timelineCard = create('section', 'card card-timeline')
  timelineCard.append(create('h3', '', 'The last two minutes'), timeline.element, facts)

  const journalCard = create('section', 'card journal')
  const journalTitle = create('h3', '', 'What happened')
  journalTitle.id = 'connection-journal-title'
  const entries = create('ol')
  const log = create('div', 'journal-list')
  log.tabIndex = 0
  log.setAttribute('role', 'log')
  log.setAttribute('aria-labelledby', journalTitle.id)
  log.append(entries)
  journalCard.append(journalTitle, log)
  journal.showIn(entries)

  const faults = create('section', 'fault-list')
  const faultsTitle = create('h3', '', 'Break it')
  faultsTitle.id = 'faults-title'
  faults.setAttribute('aria-labelledby', faultsTitle.id)
  const faultsLead = create(
    'p',
    'fault-why',
    'These controls break this browser\u2019s connection, and so affect all of its tabs. No event is lost: each tab knows the id of its last event, and the log has the events after it.',
  )
  const intro = create('div', 'fault fault-intro')
  intro.append(faultsTitle, faultsLead)
  faults.append(intro)
  for (const story of FAULT_STORIES) {
    const { card, button, why, actions, report } = createFaultCard(story)
    const fault = createFaultButton({
      button,
      path: `/faults/${story.kind}`,
      asked: story.asked,
      readerId: context.readerId,
      journal,
      onAsk: () => reports.begin(story.kind, report),
      onRefusal: (refusal) => reports.refuse(report, refusal),
    })
    buttons.push(fault)
    if (story.kind === 'kill') kill = { button: fault, why }
    if (story.kind === 'revoke') actions.append(createLetInButton(report))
    faults.append(card)
  }
  faults.append(createOfflineCard())
  element.append(heading, timelineCard, faults, latency.element, journalCard)

  function createLetInButton(report: ReportPlace): HTMLElement {
    const button = create('button', 'fault-button', LET_IN.name)
    button.type = 'button'
    buttons.push(
      createFaultButton({
        button,
        path: LET_IN.path,
        asked: LET_IN.asked,
        usableIn: ['closed'],
        readerId: context.readerId,
        journal,
        onRefusal: (refusal) => reports.refuse(report, refusal),
        onDone() {
          stream.reopen()
          tabs.post({ kind: 'let-in' })
        },
      }),
    )
    return button
  }

  function createOfflineCard(): HTMLElement {
    const { card, button, report } = createFaultCard({
      kind: 'offline',
      name: 'Go offline',
      what: 'The stream of this browser breaks in all tabs, and its requests fail, as if there were no network.',
      why: 'The client tries again with growing delays. When you go online, it connects at once and resumes after its last event.',
    })
    button.addEventListener('click', () => network.turn(!network.isOn))
    network.onTurn((turnedBy) => {
      const who = turnedBy === 'this-tab' ? 'You' : 'Another tab'
      journal.note(`${who} went ${network.isOn ? 'online again' : 'offline, for this whole browser'}.`)
      button.textContent = network.isOn ? 'Go offline' : 'Go online'
      if (!network.isOn) reports.begin('offline', report)
    })
    return card
  }

  let timer: ReturnType<typeof setInterval> | undefined

  function draw(): void {
    const nowMs = now()
    timeline.draw(nowMs)
    latency.draw()
    const { heartbeatIntervalMs, soundAtMs } = record
    const { received, missing, repeated, gaps } = meter.counts
    showFact('Status', record.spans.at(-1)?.label ?? '')
    showFact('Shared by', describeSharing(census.latest))
    showFact('Last event id', stream.lastEventId)
    showFact('Silent for', soundAtMs === undefined ? '\u2013' : formatDuration(nowMs - soundAtMs))
    showFact(
      'Heartbeat',
      heartbeatIntervalMs === undefined
        ? 'none announced'
        : `${formatDuration(heartbeatIntervalMs)}; dead after ${formatDuration(heartbeatIntervalMs * MISSED_HEARTBEATS)}`,
    )
    showFact('Reconnections', formatCount(record.reconnections))
    showFact('Clock: this browser minus server', `${Math.round(now() - clock.now())} ms`)
    showFact('Received', formatCount(received))
    showFact('Missing', formatCount(missing))
    showFact('Repeated', formatCount(repeated))
    showFact('Announced gaps', formatCount(gaps))
  }

  return {
    path: 'connection',
    title: 'Connection',
    element,
    show() {
      draw()
      timer ??= setInterval(draw, FRAME_MS)
    },
    hide() {
      clearInterval(timer)
      timer = undefined
    },
    onStatus({ state }) {
      for (const button of buttons) button.setState(state)
    },
    setAbout(about) {
      if (about.nodes > 1 || kill === undefined) return
      kill.button.refuse()
      kill.why.textContent = KILL_NEEDS_NODES
    },
  }
}

function createFaultCard({ kind, name, what, why }: Omit<FaultStory, 'asked'>): {
  card: HTMLElement
  button: HTMLButtonElement
  why: HTMLElement
  actions: HTMLElement
  report: ReportPlace
} {
  const card = create('section', 'card fault')
  const help = create('p', 'fault-what', what)
  help.id = `fault-${kind}`
  const button = create('button', 'fault-button', name)
  button.type = 'button'
  const reason = create('p', 'fault-why', why)
  reason.id = `${help.id}-why`
  button.setAttribute('aria-describedby', `${help.id} ${reason.id}`)
  const actions = create('div', 'fault-actions')
  actions.append(button)
  const report = create('p', 'fault-report')
  report.id = `${help.id}-report`
  card.append(help, reason, actions, report)
  return { card, button, why: reason, actions, report: { element: report } }
}

/** A list of named values, and how to set one. */
function createFacts(names: readonly string[]): [HTMLElement, (name: string, value: string) => void] {
  const list = create('dl', 'connection-facts')
  const values = new Map<string, HTMLElement>()
  for (const name of names) {
    const value = create('dd', '', '\u2013')
    const item = create('div')
    item.append(create('dt', '', name), value)
    list.append(item)
    values.set(name, value)
  }
  return [
    list,
    (name, text) => {
      const value = values.get(name)
      if (value !== undefined && value.textContent !== text) value.textContent = text
    },
  ]
}

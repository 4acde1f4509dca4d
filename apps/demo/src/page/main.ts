import { createBrowserIdentity } from './browser-identity.ts'
import { createConnectionRecord } from './connection/connection-record.ts'
import { createConnectionView } from './connection/connection-view.ts'
import { createFaultReports } from './connection/fault-reports.ts'
import { createConnectionStory } from './connection-story.ts'
import { createControlNotice } from './control-notice.ts'
import { byId } from './element.ts'
import { createFacts } from './facts.ts'
import { createFaultButton } from './fault-button.ts'
import { createInspectView } from './inspect/inspect-view.ts'
import { createJournal } from './journal.ts'
import { createLoadView } from './load/load-view.ts'
import { createNetworkSwitch } from './network-switch.ts'
import { createOverviewView } from './overview/overview-view.ts'
import { createPresenceView } from './presence/presence-view.ts'
import { createSequenceCard } from './sequence-card.ts'
import { createSequenceMeter } from './sequence-meter.ts'
import { createServerClock } from './server-clock.ts'
import { createStatusLine } from './status.ts'
import { openLiveStream, streamPathOf } from './stream.ts'
import type { DemoStream } from './stream.ts'
import { createTabCensus, describeSharing } from './tab-census.ts'
import { createTabChannel } from './tab-channel.ts'
import { createTheme } from './theme.ts'
import { createTopicsView } from './topics/topics-view.ts'
import type { ViewContext } from './view.ts'
import { createViewSwitch } from './view-switch.ts'

/** How often what counts up or down is looked at. */
const TICK_MS = 200

const now = (): number => Date.now()
const clock = createServerClock(now)
const journal = createJournal(now)
journal.showIn(byId('journal', HTMLOListElement))
const meter = createSequenceMeter()
const record = createConnectionRecord(now)
const reports = createFaultReports({ record, now })
const story = createConnectionStory({
  journal,
  statusLine: createStatusLine(),
  meter,
  record,
  now,
  onResumed: (resumption) => reports.onResumed(resumption),
})
const facts = createFacts()
const controlNotice = createControlNotice()
const identity = createBrowserIdentity()
const tabs = createTabChannel()
const network = createNetworkSwitch(tabs)
let hasListened = false

const context: ViewContext = { readerId: identity.id, theme: createTheme() }
const sequence = createSequenceCard(meter, context.theme)
const overview = createOverviewView(context, { clock, sequence })
const cutReport = { element: byId('cut-report', HTMLParagraphElement), staysMs: 10_000 }
const cutButton = createFaultButton({
  button: byId('cut', HTMLButtonElement),
  path: '/faults/cut',
  onAsk: () => reports.begin('cut', cutReport),
  onRefusal: (why) => reports.refuse(cutReport, why),
  readerId: context.readerId,
  journal,
  asked: 'You asked the server to cut the connection.',
})
const stream = openLiveStream({
  identity,
  network,
  listen,
  onAccessRenewed(failure) {
    noteAccess(failure)
    tabs.post({ kind: 'access', failure })
  },
})
tabs.on('access', ({ failure }) => noteAccess(failure))
tabs.on('let-in', () => stream.reopen())
const census = createTabCensus(streamPathOf(identity), (sharing, before) => {
  const isAmongOthers = [sharing, before].some((each) => each.kind === 'shared' && each.tabs > 1)
  // While all are closed there is nothing to share.
  if (isAmongOthers && sharing.kind === 'shared' && sharing.tabs > 0)
    journal.note(`This browser's one connection is shared by ${describeSharing(sharing)}.`)
})
const connection = createConnectionView(context, {
  record,
  stream,
  network,
  tabs,
  census,
  journal,
  reports,
  meter,
  clock,
  now,
})

setInterval(() => story.tick(), TICK_MS)

createViewSwitch([
  { path: overview.path, title: overview.title, create: () => overview },
  { path: connection.path, title: connection.title, create: () => connection },
  { path: 'topics', title: 'Topics', create: () => createTopicsView() },
  { path: 'connections', title: 'Connections', create: () => createPresenceView(context) },
  { path: 'load', title: 'Load', create: () => createLoadView(context) },
  { path: 'inspect', title: 'Inspect', create: () => createInspectView(context) },
])

// The token may have come to this browser in another tab.
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && stream.status.state === 'open') void showFacts()
})

function noteAccess(failure: string | undefined): void {
  if (failure === undefined) journal.note('The access had expired. This browser has a new token.', 'good')
  else journal.note(`The access had expired, and there is no new token: ${failure}.`, 'trouble')
}

function listen(source: DemoStream): void {
  // Another stream goes on where the one before it was.
  let wasLost = hasListened
  hasListened = true
  // By the server's clock. What was published before came from the log.
  let openedAt = 0
  source.onStatus((status) => {
    record.onStatus(status)
    story.onStatus(status)
    reports.onStatus(status)
    cutButton.setState(status.state)
    connection.onStatus(status)
    if (status.state === 'reconnecting') wasLost = true
    if (status.state !== 'open') return
    openedAt = clock.now()
    // Another process may answer now.
    void showFacts()
  })
  source.onGap((gap) => {
    // A page that has seen nothing yet has lost nothing.
    if (meter.counts.received === 0) return
    story.onGap(gap)
    sequence.announceGap()
    overview.breakLines()
  })
  source.onAny(({ data }) => {
    if ('at' in data) record.onEvent(data.at < openedAt ? undefined : clock.now() - data.at)
  })
  source.on('sequence', ({ data }) => {
    clock.observe(data.at)
    const arrival = wasLost && data.at < openedAt ? 'caught-up' : 'live'
    sequence.take(data, arrival)
    story.onNumber(data.n, arrival)
  })
  overview.listen(source)
  source.onComment((comment) => {
    const another = facts.readComment(comment)
    if (another !== undefined) journal.note(`Another server answers now: ${another}.`)
    record.onComment(comment)
  })
  source.onError((error) => journal.note(`An event could not be read: ${error.message}`, 'trouble'))
}

async function showFacts(): Promise<void> {
  try {
    const about = await facts.load()
    controlNotice.show(about.controls)
    connection.setAbout(about)
  } catch (error) {
    // The stream tells of a server that went away; what else there is to say belongs into the journal.
    if (stream.status.state === 'open')
      journal.note(`No facts about the machine: ${String(error)}`, 'trouble')
  }
}

import { MAX_WINDOW_MS } from './chart-card.ts'
import { byId } from './element.ts'
import { createConnectionStory } from './connection-story.ts'
import { createFacts } from './facts.ts'
import { createFaultButton } from './fault-button.ts'
import { createJournal } from './journal.ts'
import { createSequenceCard } from './sequence-card.ts'
import { createSequenceMeter } from './sequence-meter.ts'
import { createServerClock } from './server-clock.ts'
import { createStatusLine } from './status.ts'
import { createPageId, openStream } from './stream.ts'
import { createTheme } from './theme.ts'
import { createCpuWidget } from './widgets/cpu.ts'
import { createDiskWidget } from './widgets/disk.ts'
import { createEventLoopWidget } from './widgets/event-loop.ts'
import { createHubWidget } from './widgets/hub.ts'
import { createLoadWidget } from './widgets/load.ts'
import { createMemoryWidget } from './widgets/memory.ts'
import { createNetworkWidget } from './widgets/network.ts'

/** About as long as the charts take to move by a pixel: more frames than that only cost. */
const FRAME_MS_PER_WINDOW_MS = 1 / 1_000
const MIN_FRAME_MS = 32
const MAX_FRAME_MS = 100
const CALM_FRAME_MS = 1_000
/** A server that has just been started has little to show: better a narrow window than an empty one. */
const MIN_WINDOW_MS = 15_000

const now = (): number => Date.now()
const theme = createTheme()
const clock = createServerClock(now)
const journal = createJournal(now)
const meter = createSequenceMeter()
const sequence = createSequenceCard(meter, theme)
const story = createConnectionStory({ journal, statusLine: createStatusLine(), meter, now })
const pageId = createPageId()
const facts = createFacts()
const faultButtons = [
  createFaultButton({
    id: 'cut',
    path: '/faults/cut',
    pageId,
    journal,
    help: "The server drops this page's stream without a goodbye.",
    asked: 'You asked the server to cut the connection.',
  }),
  createFaultButton({
    id: 'kill',
    path: '/faults/kill',
    pageId,
    journal,
    help: 'Ends the process that serves this page, as kill -9 does.',
    asked: 'You asked for the process that serves this page to be killed.',
  }),
]
const widgets = {
  cpu: createCpuWidget(theme),
  memory: createMemoryWidget(theme),
  eventLoop: createEventLoopWidget(theme),
  network: createNetworkWidget(theme),
  disk: createDiskWidget(theme),
  load: createLoadWidget(theme),
  hub: createHubWidget(theme),
}
byId('charts', HTMLElement).append(...Object.values(widgets).map((widget) => widget.element))

const stream = openStream(pageId)
let wasLost = false
// By the server's clock. What was published before came from the log.
let openedAt = 0
stream.onStatus((status) => {
  story.onStatus(status)
  for (const button of faultButtons) button.setOpen(status.state === 'open')
  if (status.state === 'reconnecting') wasLost = true
  if (status.state !== 'open') return
  openedAt = clock.now()
  // Another process may answer now.
  void showFacts()
})
stream.onGap((gap) => {
  // A page that has seen nothing yet has lost nothing.
  if (meter.counts.received === 0) return
  story.onGap(gap)
  sequence.announceGap()
  for (const widget of Object.values(widgets)) widget.breakLines()
})
stream.on('sequence', ({ data }) => {
  clock.observe(data.at)
  const arrival = wasLost && data.at < openedAt ? 'caught-up' : 'live'
  sequence.take(data, arrival)
  story.onNumber(data.n, arrival)
})
stream.on('machine.cpu', ({ data }) => widgets.cpu.take(data))
stream.on('machine.memory', ({ data }) => widgets.memory.take(data))
stream.on('machine.load', ({ data }) => widgets.load.take(data))
stream.on('machine.network', ({ data }) => widgets.network.take(data))
stream.on('machine.disk', ({ data }) => widgets.disk.take(data))
stream.on('process.event-loop', ({ data }) => widgets.eventLoop.take(data))
stream.on('hub.stats', ({ data }) => widgets.hub.take(data))
stream.onComment((comment) => facts.readComment(comment))
stream.onError((error) => journal.note(`An event could not be read: ${error.message}`, 'trouble'))

async function showFacts(): Promise<void> {
  try {
    const { faults, nodes } = await facts.load()
    for (const button of faultButtons) button.setFaults(faults)
    byId('kill-fault', HTMLDivElement).hidden = nodes === 1
  } catch (error) {
    // The stream tells of a server that went away; what else there is to say belongs into the journal.
    if (stream.status.state === 'open')
      journal.note(`No facts about the machine: ${String(error)}`, 'trouble')
  }
}

const calm = matchMedia('(prefers-reduced-motion: reduce)')
let drawnAt = 0
let frameMs = MIN_FRAME_MS

function drawFrame(frameAt: number): void {
  requestAnimationFrame(drawFrame)
  if (frameAt - drawnAt < (calm.matches ? CALM_FRAME_MS : frameMs)) return
  drawnAt = frameAt
  const serverNowMs = clock.now()
  const beginsAtMs = Math.min(...Object.values(widgets).map((widget) => widget.beginsAtMs ?? Infinity))
  const widthMs = Math.min(MAX_WINDOW_MS, Math.max(MIN_WINDOW_MS, serverNowMs - beginsAtMs))
  frameMs = Math.min(MAX_FRAME_MS, Math.max(MIN_FRAME_MS, widthMs * FRAME_MS_PER_WINDOW_MS))
  for (const widget of Object.values(widgets)) widget.draw({ serverNowMs, widthMs })
  sequence.draw()
}
requestAnimationFrame(drawFrame)

import { MAX_WINDOW_MS } from '../chart-card.ts'
import { byId, create } from '../element.ts'
import type { SequenceCard } from '../sequence-card.ts'
import type { ServerClock } from '../server-clock.ts'
import type { DemoStream } from '../stream.ts'
import type { View, ViewContext } from '../view.ts'
import { createCpuWidget } from '../widgets/cpu.ts'
import { createDiskWidget } from '../widgets/disk.ts'
import { createEventLoopWidget } from '../widgets/event-loop.ts'
import { createHubWidget } from '../widgets/hub.ts'
import { createLoadWidget } from '../widgets/load.ts'
import { createMemoryWidget } from '../widgets/memory.ts'
import { createNetworkWidget } from '../widgets/network.ts'

/** About as long as the charts take to move by a pixel: more frames than that only cost. */
const FRAME_MS_PER_WINDOW_MS = 1 / 1_000
const MIN_FRAME_MS = 32
const MAX_FRAME_MS = 250
const CALM_FRAME_MS = 1_000
/** A server that has just been started has little to show: better a narrow window than an empty one. */
const MIN_WINDOW_MS = 15_000
const MINUTE_MS = 60_000
const WINDOWS_MS = [MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, MAX_WINDOW_MS]
const DEFAULT_WINDOW_MS = 2 * MINUTE_MS

export interface OverviewView extends View {
  /** Takes the figures of the stream, shown or not. */
  listen(stream: DemoStream): void
  breakLines(): void
}

/** Shows the current figures and those of the last minutes. */
export function createOverviewView(
  context: ViewContext,
  parts: { clock: ServerClock; sequence: SequenceCard },
): OverviewView {
  const { clock, sequence } = parts
  const { theme } = context
  const widgets = {
    cpu: createCpuWidget(theme),
    memory: createMemoryWidget(theme),
    eventLoop: createEventLoopWidget(theme),
    network: createNetworkWidget(theme),
    disk: createDiskWidget(theme),
    load: createLoadWidget(theme),
    hub: createHubWidget(theme),
  }
  const all = Object.values(widgets)
  byId('charts', HTMLElement).append(...all.map((widget) => widget.element))

  const calm = matchMedia('(prefers-reduced-motion: reduce)')
  let windowMs = DEFAULT_WINDOW_MS
  let frame: number | undefined
  let drawnAt = 0
  let frameMs = MIN_FRAME_MS

  for (const choice of WINDOWS_MS) {
    const input = create('input')
    input.type = 'radio'
    input.name = 'window'
    input.checked = choice === windowMs
    input.addEventListener('change', () => {
      windowMs = choice
      drawnAt = 0
    })
    const label = create('label', 'choice')
    label.append(input, `${choice / MINUTE_MS} min`)
    byId('window', HTMLFieldSetElement).append(label)
  }

  function drawFrame(frameAt: number): void {
    frame = requestAnimationFrame(drawFrame)
    if (frameAt - drawnAt < (calm.matches ? CALM_FRAME_MS : frameMs)) return
    drawnAt = frameAt
    const serverNowMs = clock.now()
    const beginsAtMs = Math.min(...all.map((widget) => widget.beginsAtMs ?? Infinity))
    const widthMs = Math.min(windowMs, Math.max(MIN_WINDOW_MS, serverNowMs - beginsAtMs))
    frameMs = Math.min(MAX_FRAME_MS, Math.max(MIN_FRAME_MS, widthMs * FRAME_MS_PER_WINDOW_MS))
    for (const widget of all) widget.draw({ serverNowMs, widthMs })
    sequence.draw()
  }

  return {
    path: 'overview',
    title: 'Overview',
    element: byId('overview', HTMLElement),
    show() {
      drawnAt = 0
      frame ??= requestAnimationFrame(drawFrame)
    },
    hide() {
      if (frame !== undefined) cancelAnimationFrame(frame)
      frame = undefined
    },
    listen(stream) {
      stream.on('machine.cpu', ({ data }) => widgets.cpu.take(data))
      stream.on('machine.memory', ({ data }) => widgets.memory.take(data))
      stream.on('machine.load', ({ data }) => widgets.load.take(data))
      stream.on('machine.network', ({ data }) => widgets.network.take(data))
      stream.on('machine.disk', ({ data }) => widgets.disk.take(data))
      stream.on('process.event-loop', ({ data }) => widgets.eventLoop.take(data))
      stream.on('hub.stats', ({ data }) => widgets.hub.take(data))
    },
    breakLines() {
      for (const widget of all) widget.breakLines()
    },
  }
}

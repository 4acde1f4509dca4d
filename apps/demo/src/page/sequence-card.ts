import type { SequenceSample } from '../samples.ts'
import { byId } from './element.ts'
import { formatCount } from './format.ts'
import type { SequenceMeter } from './sequence-meter.ts'
import { createSequenceStrip } from './sequence-strip.ts'
import type { Theme } from './theme.ts'

export interface SequenceCard {
  /** @param arrival - `caught-up`: it came from the log, after the connection had been away. */
  take(sample: SequenceSample, arrival: 'live' | 'caught-up'): void
  announceGap(): void
  draw(): void
}

/** The visible account: the four counts, and the strip of the latest numbers. */
export function createSequenceCard(meter: SequenceMeter, theme: Theme): SequenceCard {
  const strip = createSequenceStrip(theme)
  const figures = (['received', 'missing', 'repeated', 'gaps'] as const).map((name) => {
    const value = byId(name, HTMLElement)
    return { name, value, figure: value.parentElement }
  })
  let isStale = true

  return {
    take(sample, arrival) {
      const result = meter.take(sample)
      if (result.kind === 'next') for (const skipped of result.skipped) strip.add(skipped, 'missing')
      if (result.kind === 'late') strip.mend(sample.n)
      else if (result.kind !== 'repeated') strip.add(sample.n, arrival)
      isStale = true
    },
    announceGap() {
      meter.announceGap()
      strip.addGap()
      isStale = true
    },
    draw() {
      strip.draw()
      if (!isStale) return
      isStale = false
      const { counts } = meter
      for (const { name, value, figure } of figures) {
        const count = counts[name]
        value.textContent = formatCount(count)
        if (figure === null || name === 'received') continue
        if (name === 'gaps') figure.dataset.alert = count > 0 ? 'note' : 'none'
        else figure.dataset.alert = count > 0 ? 'bad' : 'good'
      }
    },
  }
}

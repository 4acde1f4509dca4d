import { byId } from './element.ts'
import { formatCount } from './format.ts'
import type { Theme } from './theme.ts'

type CellKind = 'live' | 'caught-up' | 'gap' | 'missing'

export interface SequenceStrip {
  /** The next number. */
  add(n: number, kind: Exclude<CellKind, 'gap'>): void
  /** A missing number came after all. */
  mend(n: number): void
  /** A gap was announced: the numbers go on elsewhere. */
  addGap(): void
  /** Draws what has changed since the last time. */
  draw(): void
}

interface Cell {
  n: number
  kind: CellKind
}

const CELL_WIDTH = 5
const CELL_GAP = 2
const ROWS = 3
const ROW_HEIGHT = 14
const ROW_GAP = 4
const HEIGHT = ROWS * (ROW_HEIGHT + ROW_GAP) - ROW_GAP
/** More than the widest screen shows. */
const MAX_CELLS = 3_000
/** Empty cells between the newest and the oldest. */
const SWEEP_GAP = 4

const COLORS: Readonly<Record<CellKind, string>> = {
  live: '--live',
  'caught-up': '--caught-up',
  gap: '--gap',
  missing: '--missing',
}

/**
 * Draws the latest numbers as cells. The newest is written over the oldest, as on an oscilloscope: what has been drawn
 * stays where it is.
 *
 *     | 31 32 33 34 .. .. 13 14 15 |    34 is the newest; before it a few empty cells
 *     | 16 17 18 19 20 21 22 ...   |
 */
export function createSequenceStrip(theme: Theme): SequenceStrip {
  const canvas = byId('sequence-strip', HTMLCanvasElement)
  const last = byId('sequence-strip-last', HTMLOutputElement)
  const drawing = canvas.getContext('2d')
  if (drawing === null) throw new Error('this browser draws on no canvas')
  const cells: Cell[] = []
  let dropped = 0
  let isStale = true
  let width = 0

  function push(cell: Cell): void {
    cells.push(cell)
    if (cells.length > MAX_CELLS + 500) {
      dropped += cells.length - MAX_CELLS
      cells.splice(0, cells.length - MAX_CELLS)
    }
    isStale = true
  }

  new ResizeObserver(([entry]) => {
    width = Math.floor(entry?.contentRect.width ?? 0)
    isStale = true
  }).observe(canvas)
  theme.onChange(() => {
    isStale = true
  })

  return {
    add(n, kind) {
      push({ n, kind })
    },
    mend(n) {
      const cell = cells.findLast((each) => each.n === n && each.kind === 'missing')
      if (cell !== undefined) cell.kind = 'caught-up'
      isStale = true
    },
    addGap() {
      push({ n: 0, kind: 'gap' })
    },
    draw() {
      if (!isStale || width === 0) return
      isStale = false
      const ratio = devicePixelRatio
      if (canvas.width !== width * ratio || canvas.height !== HEIGHT * ratio) {
        canvas.width = width * ratio
        canvas.height = HEIGHT * ratio
      }
      drawing.setTransform(ratio, 0, 0, ratio, 0, 0)
      drawing.clearRect(0, 0, width, HEIGHT)
      const columns = Math.floor((width + CELL_GAP) / (CELL_WIDTH + CELL_GAP))
      const shown = columns * ROWS
      const total = dropped + cells.length
      for (let place = 0; place < shown; place += 1) {
        // The newest of all cells that have this place.
        const index = place + shown * Math.floor((total - 1 - place) / shown)
        const isOldest = total >= shown && index < total - shown + SWEEP_GAP
        const cell = isOldest ? undefined : cells[index - dropped]
        drawing.fillStyle = theme.color(cell === undefined ? '--strip-empty' : COLORS[cell.kind])
        const x = (place % columns) * (CELL_WIDTH + CELL_GAP)
        const y = Math.floor(place / columns) * (ROW_HEIGHT + ROW_GAP)
        drawing.beginPath()
        drawing.roundRect(x, y, CELL_WIDTH, ROW_HEIGHT, 1.5)
        drawing.fill()
      }
      const newest = cells.findLast((cell) => cell.kind !== 'gap')
      last.textContent = newest === undefined ? '' : `now ${formatCount(newest.n)}`
    },
  }
}

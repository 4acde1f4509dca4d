const COUNT = new Intl.NumberFormat('en')
const CLOCK = new Intl.DateTimeFormat('en', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
})

/** `12,345` */
export function formatCount(count: number): string {
  return COUNT.format(count)
}

/** `14:03:59`, local time. */
export function formatClock(atMs: number): string {
  return CLOCK.format(atMs)
}

/** `37%` */
export function formatShare(share: number): string {
  return `${Math.round(share * 100)}%`
}

/** `0.4 ms`, `12 ms`, `1.2 s` */
export function formatDuration(durationMs: number): string {
  if (durationMs >= 1000) return `${(durationMs / 1000).toFixed(1)} s`
  return `${durationMs < 10 ? trimZero(durationMs.toFixed(1)) : Math.round(durationMs)} ms`
}

/** `3 s`: whole seconds, for what counts up or down. */
export function inSeconds(durationMs: number): string {
  return `${Math.floor(durationMs / 1_000)} s`
}

/** `3.2 GiB`: powers of 1024, as memory is sold. */
export function formatMemory(byteCount: number): string {
  return scaled(byteCount, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
}

/** `48 kB/s`: powers of 1000, as networks and disks are sold. */
export function formatByteRate(bytesPerSecond: number): string {
  return `${scaled(bytesPerSecond, 1000, ['B', 'kB', 'MB', 'GB', 'TB'])}/s`
}

/** `1,240/s`, `0.5/s` */
export function formatRate(perSecond: number): string {
  return `${perSecond < 10 ? trimZero(perSecond.toFixed(1)) : formatCount(Math.round(perSecond))}/s`
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let index = 0
  let rest = value
  while (rest >= step && index < units.length - 1) {
    rest /= step
    index += 1
  }
  const digits = index > 0 && rest < 10 ? trimZero(rest.toFixed(1)) : String(Math.round(rest))
  return `${digits} ${units[index] ?? ''}`
}

function trimZero(text: string): string {
  return text.replace(/\.0$/, '')
}

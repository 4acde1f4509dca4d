/** Canvases cannot use CSS variables: this reads them, and says when they changed. */
export interface Theme {
  /** The value of a custom property, such as `--accent`. */
  color(property: string): string
  readonly font: string
  /** Calls back after the colours changed: the system went dark or light. */
  onChange(callback: () => void): void
}

export function createTheme(): Theme {
  const styles = getComputedStyle(document.documentElement)
  const listeners: (() => void)[] = []
  const cache = new Map<string, string>()

  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    cache.clear()
    for (const listener of listeners) listener()
  })

  return {
    color(property) {
      const known = cache.get(property)
      if (known !== undefined) return known
      const value = styles.getPropertyValue(property).trim()
      cache.set(property, value)
      return value
    },
    get font() {
      return `12px ${getComputedStyle(document.body).fontFamily}`
    },
    onChange(callback) {
      listeners.push(callback)
    },
  }
}

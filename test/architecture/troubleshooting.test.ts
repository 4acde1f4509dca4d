import { describe, expect, it } from 'vitest'
import { filesBelow, readSource } from './source-files.ts'

// docs/troubleshooting.md shows what `sse check` printed. A finding that is renamed, or becomes more or less severe, is missed here.

const sources = filesBelow('packages/cli/src').map(readSource).join('\n')
const findings = new Set(
  [...sources.matchAll(/'(error|warning|note)',\s*'([a-z0-9-]+)'/g)].map(
    ([, severity, code]) => `${severity} ${code}`,
  ),
)
const shown = [
  ...readSource('docs/troubleshooting.md').matchAll(/^(error|warning|note) .* {2}([a-z0-9-]+)$/gm),
]

describe('docs/troubleshooting.md', () => {
  it('shows findings that the command reports', () => {
    expect(findings.size).toBeGreaterThan(30)
    expect(shown.length).toBeGreaterThan(8)
    expect(
      shown.map(([, severity, code]) => `${severity} ${code}`).filter((each) => !findings.has(each)),
    ).toEqual([])
  })
})

import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { bundleForBrowsers } from './browser/bundle.ts'

/** As a browser loads it. */
const sizeOf = (code: string): number => gzipSync(code, { level: 9 }).length

const expectJustBelow = (bytes: number, maxBytes: number): void => {
  expect(bytes).toBeLessThanOrEqual(maxBytes)
  // A limit that is far off guards nothing.
  expect(bytes).toBeGreaterThan(maxBytes * 0.95)
}

describe('the bundle for browsers, minified and gzipped', () => {
  // Keeps the current sizes: DESIGN.md aims at 5 kB for EventSource and 8 kB for everything.
  it.each([
    ['EventSource alone', `export { EventSource } from '../../src/index.ts'`, 6750],
    ['createEventSource alone', `export { createEventSource } from '../../src/index.ts'`, 10_000],
    ['everything', `export * from '../../src/index.ts'`, 11_000],
    ['useEventSource, without React', `export * from '../../src/react/index.ts'`, 10_500],
  ])('the bundle of %s is small', async (_name, contents, maxBytes) => {
    const { code, chunks } = await bundleForBrowsers(contents, {
      minify: true,
      split: true,
      external: ['react'],
    })
    expectJustBelow(sizeOf(code), maxBytes)
    // All that the page does not load until it shares a stream; and nothing that both need, which would be loaded twice
    // or in a third chunk.
    expect([...chunks.keys()]).toEqual([expect.stringMatching(/^tab-sharing-\w+\.js$/)])
    for (const chunk of chunks.values()) {
      expectJustBelow(sizeOf(chunk), 1550)
      expect(chunk).not.toMatch(/import\b/)
    }
  })

  it('a bundle that only imports EventSource has no tab sharing, even when the bundler emits a single file', async () => {
    const contents = `export { EventSource } from '../../src/index.ts'`
    const { code, chunks, metafile } = await bundleForBrowsers(contents, { minify: true })
    expectJustBelow(sizeOf(code), 6750)
    expect(chunks.size).toBe(0)
    const [output] = Object.values(metafile.outputs)
    const included = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    expect(included.map(([path]) => path)).toContainEqual(expect.stringMatching(/event-source\.ts$/))
    expect(included.filter(([path]) => path.includes('shar'))).toEqual([])
  })

  it('the bundle contains neither undici nor any module of Node', async () => {
    const { metafile } = await bundleForBrowsers(`export * from '../../src/index.ts'`)
    const inputs = Object.keys(metafile.inputs)
    expect(
      inputs.filter((path) => /undici|node:|\.node\.ts|\/node\//.test(path.replace(/.*node_modules\//, ''))),
    ).toEqual([])
    expect(inputs.some((path) => path.endsWith('src/transport/fetch.ts'))).toBe(true)
  })
})

import { describe, expect, it, vi } from 'vitest'
import { findChromium, findRedisServer, launchChromium } from '../src/index.ts'

const found = findChromium()

describe('an external program', () => {
  it('is the one that the variable names', () => {
    expect(findRedisServer({ REDIS_SERVER_PATH: process.execPath })).toEqual({
      skip: false,
      path: process.execPath,
    })
  })

  it('is an error if the variable names a file that cannot be run', () => {
    expect(() => findChromium({ CHROMIUM_PATH: '/no/such/file' })).toThrow(
      expect.objectContaining({
        code: 'missing-program',
        message: 'CHROMIUM_PATH is /no/such/file, which cannot be run',
      }),
    )
  })

  it('that is missing is an error under CI and a reason to skip elsewhere', () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    expect(() => findChromium({ CI: 'true', PATH: '/nowhere' })).toThrow('apt-get install chromium')
    expect(findChromium({ PATH: '/nowhere' })).toMatchObject({ skip: true })
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('apt-get install chromium'))
    warn.mockRestore()
  })
})

describe.skipIf(found.skip)('Chromium', () => {
  it('starts, shows a page and closes', async () => {
    const browser = await launchChromium(found)
    const page = await browser.newPage()
    await page.setContent('<title>hello</title>')
    expect(await page.title()).toBe('hello')
    await browser.close()
    expect(browser.isConnected()).toBe(false)
  })
})

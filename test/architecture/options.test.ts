import { describe, expect, it } from 'vitest'
import { readSource } from './source-files.ts'

// The tables of docs/reference/options.md, and that of sse-server's README, against the names that each function accepts.

/** The names of an OptionNames constant, without those that it takes over from another one. */
function namesIn(file: string, constant: string): readonly string[] {
  const source = readSource(`packages/sse-server/src/${file}`)
  const [, body = ''] =
    new RegExp(`const ${constant}: OptionNames<\\w+> = \\{\\n([^}]*)\\}`).exec(source) ?? []
  return [...body.matchAll(/^ {2}(\w+): true,$/gm)].map(([, name = '']) => name)
}

function rowsUnder(page: string, heading: string): readonly string[] {
  const [, section = ''] = readSource(page).split(`## ${heading}\n`)
  const [text = ''] = section.split(/^## /m)
  const cells = [...text.matchAll(/^\| ((?:`\w+`(?:, )?)+) +\|/gm)].map(([, cell = '']) => cell)
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))
}

describe('docs/reference/options.md', () => {
  it.each([
    ['`createHub`', 'hub/hub-options.ts', 'hubOptionNames'],
    ['`hub.subscribe`', 'hub/hub-options.ts', 'subscribeOptionNames'],
    ['`hub.join`', 'hub/hub-options.ts', 'joinOptionNames'],
    ['`memoryLog`', 'log/memory-log.ts', 'memoryLogOptionNames'],
    ['`createPublishHandler`', 'publish/create-publish-handler.ts', 'publishHandlerOptionNames'],
  ])('has each option of %s', (heading, file, constant) => {
    const names = namesIn(file, constant)
    expect(names.length).toBeGreaterThan(3)
    expect(rowsUnder('docs/reference/options.md', heading).toSorted()).toEqual(names.toSorted())
  })
})

describe('the README of sse-server', () => {
  it('has each option of a connection', () => {
    const names = [
      ...namesIn('connection/connection-options.ts', 'connectionOptionNames'),
      ...namesIn('connection/event-stream-options.ts', 'eventStreamOptionNames'),
    ]
    const rows = rowsUnder('packages/sse-server/README.md', 'Options of a connection')
    expect(rows.toSorted()).toEqual(names.toSorted())
  })
})

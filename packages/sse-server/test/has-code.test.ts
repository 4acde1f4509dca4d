import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { hasCode } from '../src/errors/has-code.ts'

it.each([
  ['finds the code of an error', Object.assign(new Error('closed'), { code: 'hub-closed' }), true],
  [
    'finds the code of an error of another realm',
    runInNewContext(`Object.assign(new Error('closed'), { code: 'hub-closed' })`),
    true,
  ],
  ['tells another code apart', Object.assign(new Error('ended'), { code: 'topic-ended' }), false],
  ['takes an error without a code', new Error('closed'), false],
  ['takes null', null, false],
  ['takes a string', 'hub-closed', false],
])('%s', (_, error, expected) => {
  expect(hasCode(error, 'hub-closed')).toBe(expected)
})

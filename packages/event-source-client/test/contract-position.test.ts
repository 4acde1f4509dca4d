import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePosition } from '../src/wire-contract/event-id.ts'
import { contractPosition } from '../src/wire-contract/contract-position.ts'
import type { ContractPosition } from '../src/wire-contract/contract-position.ts'
import type { ResumePosition } from '../src/last-event-id/resume-position.ts'

type Step = [type: string, id: string | undefined] | [idOnly: string]

/** As on a connection whose server has shown that its ids are positions. */
function ourPosition(initial: string): ContractPosition {
  const position = contractPosition(initial)
  position.follow('positions')
  return position
}

/** What is admitted, and where the position is in the end. */
function run(
  position: ResumePosition,
  steps: Step[],
): { admitted: (boolean | 'moved')[]; lastEventId: string } {
  const admitted = steps.map((step) => {
    if (step.length === 2) return position.admit(step[0], step[1])
    position.move(step[0])
    return 'moved' as const
  })
  return { admitted, lastEventId: position.lastEventId }
}

describe('a position (docs/reference/wire-contract.md)', () => {
  it.each([
    ['k3v9x0q2-1041', { epoch: 'k3v9x0q2', seq: 1041 }],
    ['A_9-0', { epoch: 'A_9', seq: 0 }],
    [`a-${Number.MAX_SAFE_INTEGER}`, { epoch: 'a', seq: Number.MAX_SAFE_INTEGER }],
  ])('the id %s is a position', (id, expected) => {
    expect(parsePosition(id)).toEqual(expected)
  })

  it.each([
    '',
    '7',
    'a-',
    '-1',
    'a-01',
    'a-1-2',
    'a-1 ',
    'a-+1',
    'a-1e3',
    'é-1',
    `${'a'.repeat(33)}-1`,
    `a-${2 ** 53}`,
    'a-99999999999999999999',
  ])('the id %j is not a position', (id) => {
    expect(parsePosition(id)).toBeUndefined()
  })
})

describe("the standard's last event ID", () => {
  it.each(['stranger', 'opaque-ids'] as const)(
    'from a server of standing %s every id counts as it comes, lower ones and the empty one included',
    (standing) => {
      const position = contractPosition('a-9')
      position.follow(standing)
      const steps: Step[] = [
        ['message', 'a-9'],
        ['message', 'a-3'],
        ['message', 'a-3'],
        ['message', undefined],
        ['stream.gap', 'a-1'],
      ]
      expect(run(position, steps)).toEqual({ admitted: [true, true, true, true, true], lastEventId: 'a-1' })
      expect(run(position, [['message', '']]).lastEventId).toBe('')
      expect(run(position, [['y']]).lastEventId).toBe('y')
    },
  )

  it('whether an id is a position is decided for each connection', () => {
    const position = ourPosition('')
    expect(
      run(position, [
        ['m', 'a-9'],
        ['m', 'a-3'],
      ]).admitted,
    ).toEqual([true, false])
    position.follow('stranger')
    expect(
      run(position, [
        ['m', 'a-3'],
        ['m', 'a-2'],
      ]),
    ).toEqual({ admitted: [true, true], lastEventId: 'a-2' })
    position.follow('positions')
    expect(
      run(position, [
        ['m', 'a-2'],
        ['m', 'a-3'],
      ]),
    ).toEqual({ admitted: [false, true], lastEventId: 'a-3' })
  })
})

describe("the position by our server's ids", () => {
  const cases: [
    name: string,
    initial: string,
    steps: Step[],
    admitted: (boolean | 'moved')[],
    last: string,
  ][] = [
    [
      'rises with the events',
      '',
      [
        ['m', 'a-1'],
        ['m', 'a-5'],
      ],
      [true, true],
      'a-5',
    ],
    [
      'refuses a repeat',
      '',
      [
        ['m', 'a-5'],
        ['m', 'a-5'],
        ['m', 'a-4'],
        ['m', 'a-6'],
      ],
      [true, false, false, true],
      'a-6',
    ],
    [
      'refuses what the seed stands for',
      'a-5',
      [
        ['m', 'a-5'],
        ['m', 'a-6'],
      ],
      [false, true],
      'a-6',
    ],
    ['is set by the priming block', '', [['a-5'], ['m', 'a-5'], ['m', 'a-6']], ['moved', false, true], 'a-6'],
    ['does not go back with an id-only block', 'a-9', [['a-5'], ['m', 'a-8']], ['moved', false], 'a-9'],
    [
      'follows another epoch',
      'a-9',
      [
        ['m', 'b-1'],
        ['m', 'b-1'],
      ],
      [true, false],
      'b-1',
    ],
    [
      'is set by a gap, even backwards',
      'a-9',
      [
        ['stream.gap', 'a-3'],
        ['m', 'a-4'],
      ],
      [true, true],
      'a-4',
    ],
    [
      'is set by a gap to another epoch',
      'a-9',
      [
        ['stream.gap', 'b-3'],
        ['m', 'b-3'],
        ['m', 'b-4'],
      ],
      [true, false, true],
      'b-4',
    ],
    [
      'admits a reserved event with the id of the event before',
      'a-9',
      [
        ['stream.error', 'a-9'],
        ['stream.end', 'a-9'],
      ],
      [true, true],
      'a-9',
    ],
    ['stays with an event without an id', 'a-9', [['m', undefined]], [true], 'a-9'],
    [
      'takes ids of any other form as they come',
      'a-9',
      [
        ['m', '7'],
        ['m', '7'],
        ['m', '6'],
      ],
      [true, true, true],
      '6',
    ],
    [
      'takes an empty id as a reset',
      'a-9',
      [
        ['m', ''],
        ['m', 'a-1'],
      ],
      [true, true],
      'a-1',
    ],
    [
      'does not take a malformed id of the epoch for a repeat',
      'a-9',
      [
        ['m', 'a-'],
        ['m', 'a-9'],
      ],
      [true, true],
      'a-9',
    ],
    [
      'compares seq as numbers',
      'a-9',
      [
        ['m', 'a-10'],
        ['m', 'a-9'],
      ],
      [true, false],
      'a-10',
    ],
    ['tells an epoch from its prefix', 'ab-9', [['m', 'a-1']], [true], 'a-1'],
  ]

  it.each(cases)('the position %s', (_name, initial, steps, admitted, lastEventId) => {
    expect(run(ourPosition(initial), steps)).toEqual({ admitted, lastEventId })
  })

  it('the position admits each event once and in order, however often a server repeats', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (seqs) => {
        const position = ourPosition('')
        const admitted = seqs.filter((seq) => position.admit('m', `e-${seq}`))
        expect(admitted).toEqual([...new Set(admitted)].toSorted((a, b) => a - b))
        expect(position.lastEventId).toBe(seqs.length === 0 ? '' : `e-${Math.max(...seqs)}`)
      }),
    )
  })
})

import { afterAll, beforeAll, describe, it } from 'vitest'
import { conformanceCases } from './conformance/cases.ts'
import { startScenarioServer } from './conformance/scenario-server.ts'

describe('EventSource in Node', () => {
  let server: Awaited<ReturnType<typeof startScenarioServer>>

  beforeAll(async () => {
    server = await startScenarioServer()
  })

  afterAll(async () => {
    await server[Symbol.asyncDispose]()
  })

  // The cases throw by themselves: they run in browsers too.
  // eslint-disable-next-line vitest/expect-expect
  it.each(conformanceCases)('$name', ({ run }) => run(server))
})

/** The process of one HTTP server under test. */
import { serveCalls } from '../worker/serve-calls.ts'
import { httpContenders } from './contenders.ts'

let cpuBefore = process.cpuUsage()

const methods = {
  /** @returns its port. */
  async open(name: string): Promise<number> {
    const contender = httpContenders.find((each) => each.name === name)
    if (contender === undefined) throw new TypeError(`There is no server ${name}`)
    const { open } = await contender.load()
    return (await open()).port
  },

  beginCounts(): void {
    cpuBefore = process.cpuUsage()
  },

  cpuMicros(): number {
    const { user, system } = process.cpuUsage(cpuBefore)
    return user + system
  },
}

export type HttpServerMethods = typeof methods

serveCalls(methods)

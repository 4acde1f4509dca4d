import type { EventLog } from '@sse-toolkit/sse-server'

interface CountedLog {
  readonly log: EventLog
  /** The greatest `seq` that was appended, and the greatest that a tail received. */
  appendedSeq: number
  heardSeq: number
  /** How many control entries were written to be announced, and how many hubs have received. */
  controlsWritten: number
  controlsHeard: number
}

/** Logs that answer later, and how to wait until nothing is under way between them and their hubs. */
export interface CountedLogs {
  /** The log, as its hubs get it. */
  count(log: EventLog): EventLog
  settled(): Promise<void>
  /** Closes all of them. */
  close(): Promise<void>
}

export function createCountedLogs(): CountedLogs {
  const open = new Set<CountedLog>()
  let underWay = 0

  async function counting<T>(promise: Promise<T>): Promise<T> {
    underWay += 1
    try {
      return await promise
    } finally {
      underWay -= 1
    }
  }

  function isQuiet(): boolean {
    return (
      underWay === 0 &&
      [...open].every(
        (each) => each.heardSeq >= each.appendedSeq && each.controlsHeard >= each.controlsWritten,
      )
    )
  }

  return {
    count(log) {
      const state: CountedLog = { log, appendedSeq: 0, heardSeq: 0, controlsWritten: 0, controlsHeard: 0 }
      open.add(state)
      log.tail({
        appended: ({ position }) => {
          state.heardSeq = position.seq
        },
        cancelled: () => undefined,
        restarted: () => undefined,
        skipped: () => undefined,
        abandoned: () => undefined,
        controlled: () => {
          state.controlsHeard += 1
        },
      })
      return {
        append: async (...args) => {
          const position = await counting(log.append(...args))
          state.appendedSeq = Math.max(state.appendedSeq, position.seq)
          return position
        },
        appendBatch: async (...args) => {
          const appended = await counting(log.appendBatch(...args))
          state.appendedSeq = Math.max(state.appendedSeq, appended.position.seq)
          return appended
        },
        control: async (name, value, options) => {
          await counting(log.control(name, value, options))
          if (options.notify !== false) state.controlsWritten += 1
        },
        controls: (prefix) => counting(log.controls(prefix)),
        claim: (topic) => counting(log.claim(topic)),
        end: async (...args) => {
          const position = await counting(log.end(...args))
          state.appendedSeq = Math.max(state.appendedSeq, position?.seq ?? 0)
          return position
        },
        cancel: (topic) => counting(log.cancel(topic)),
        status: (topic) => counting(log.status(topic)),
        read: (...args) => counting(log.read(...args)),
        tail: (listener) => log.tail(listener),
        head: () => counting(log.head()),
        close: () => log.close(),
      }
    },

    /** Quiet, and still so after what follows from the last answer. */
    async settled() {
      for (let quietTurns = 0; quietTurns < 4;) {
        await new Promise<void>((resolve) => {
          setImmediate(() => setImmediate(resolve))
        })
        if (isQuiet()) quietTurns += 1
        else {
          quietTurns = 0
          await new Promise((resolve) => {
            setTimeout(resolve, 1)
          })
        }
      }
    },

    async close() {
      const logs = [...open]
      open.clear()
      await Promise.all(logs.map(({ log }) => log.close()))
    },
  }
}

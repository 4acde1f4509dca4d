import type { Worker } from 'node:cluster'
import type { Fault } from '../faults.ts'
import { DRAIN_MS } from '../node-server.ts'
import { remember } from '../reader-access.ts'
import type { Runtime } from '../runtime.ts'
import type { EndedAccess, FromNode, ToNode } from './messages.ts'

/** Passes requested faults on to the nodes, since any node may get the request, and another may have the stream. */
export interface FaultRelay {
  take(node: number, message: FromNode & { kind: 'fault-wanted' | 'fault-answer' }): void
  /** The readers whose access has ended, for a restarted node. */
  readonly ended: EndedAccess
  /** A node that is gone answers no more. */
  forget(node: number): void
}

interface Question {
  readonly fault: Fault
  /** The node that asked, and the number it gave its question. */
  readonly askedBy: number
  readonly askedAs: number
  readonly waitsFor: Set<number>
  count: number
}

export function createFaultRelay(
  running: ReadonlyMap<number, Worker>,
  runtime: Pick<Runtime, 'wallClock'>,
): FaultRelay {
  const questions = new Map<number, Question>()
  const revoked = new Map<string, true>()
  const expired = new Map<string, number>()
  let lastId = 0

  function heed(fault: Fault, readerId: string): void {
    if (fault === 'allow') revoked.delete(readerId)
    else if (fault === 'revoke') remember(revoked, readerId, true)
    // Before any node does it: the tokens that they issue afterwards are newer.
    else if (fault === 'expire') remember(expired, readerId, runtime.wallClock())
  }

  function answer(id: number, question: Question, node: number, count: number): void {
    if (!question.waitsFor.delete(node)) return
    const isRestarted = question.fault === 'restart' && count > 0
    if (isRestarted) tell(node, { kind: 'close', drainMs: DRAIN_MS })
    // The one node that is left is not killed: then there would be no page to show what became of it.
    const isKilled = question.fault === 'kill' && count > 0 && running.size > 1
    if (isKilled) running.get(node)?.process.kill('SIGKILL')
    const isOfServer = question.fault === 'restart' || question.fault === 'kill'
    question.count += isOfServer ? Number(isRestarted || isKilled) : count
    if (question.waitsFor.size > 0) return
    questions.delete(id)
    // The node that asked may be the one that was killed: its page sees that for itself.
    const { askedBy, askedAs } = question
    tell(askedBy, { kind: 'fault-done', count: question.count, id: askedAs })
  }

  function tell(node: number, message: ToNode): void {
    const worker = running.get(node)
    if (worker?.isConnected() === true) worker.send(message)
  }

  return {
    get ended() {
      return { revoked: [...revoked.keys()], expired: [...expired] }
    },
    take(node, message) {
      if (message.kind === 'fault-answer') {
        const question = questions.get(message.id)
        if (question !== undefined) answer(message.id, question, node, message.count)
        return
      }
      const { fault, readerId } = message
      heed(fault, readerId)
      const id = (lastId += 1)
      const question = {
        fault,
        askedBy: node,
        askedAs: message.id,
        waitsFor: new Set(running.keys()),
        count: 0,
      }
      questions.set(id, question)
      for (const each of running.keys()) tell(each, { kind: 'fault', fault, readerId, id })
    },
    forget(node) {
      for (const [id, question] of questions) answer(id, question, node, 0)
    },
  }
}

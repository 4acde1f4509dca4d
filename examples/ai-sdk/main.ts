/**
 * Users of a chat, with the AI SDK's own chat class as their pages: they close the page and open it again, press stop, ask a
 * second question, and go on through a redeploy.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { UIMessage } from 'ai'
import { startServer, startServers } from '../server-processes.ts'
import { Page } from './chat.ts'

const program = new URL('server.ts', import.meta.url)
const { here, there, areTwo } = await startServers(program)
const question = 'Will it be nice tomorrow, or should I take an umbrella along when I leave the house?'

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; !condition(); await delay(5))
    assert.ok(performance.now() < deadline, `in time: ${String(condition)}`)
}

async function stop(chat: string): Promise<boolean> {
  const response = await fetch(new URL(`/chat/${chat}/stop`, there.url), { method: 'POST' })
  return ((await response.json()) as { stopped: boolean }).stopped
}

async function statusOfStream(chat: string): Promise<number> {
  const response = await fetch(new URL(`/chat/${chat}/stream`, there.url))
  await response.body?.cancel()
  return response.status
}

/** A page that has been opened again: with what was saved of the chat, and what runs is resumed. */
async function reopen(chat: string, messages: UIMessage[], url = there.url): Promise<Page> {
  const page = new Page(url, chat, messages)
  await page.resumeStream()
  return page
}

function asked(page: Page): UIMessage[] {
  return page.messages.filter(({ role }) => role === 'user')
}

// Nothing runs in a chat without a question.
assert.equal(await statusOfStream('one'), 204)
assert.equal((await reopen('one', [])).error, undefined)

// The page is closed in the middle of the answer, and opened again, twice.
const first = new Page(here.url, 'one')
void first.sendMessage({ text: question })
await until(() => first.answer.includes('nice'))
await first.stop() // a page that is closed
const reopened = await Promise.all([reopen('one', asked(first)), reopen('one', asked(first))])
for (const page of reopened) {
  assert.equal(page.answer, `Answer 1: ${question}`)
  assert.deepEqual([page.status, page.error, page.partStates], ['ready', undefined, ['done']])
  assert.equal(page.messages.length, 2)
}

// It is over: there is nothing to resume, and no error.
assert.equal(await statusOfStream('one'), 204)
const after = await reopen('one', reopened[0].messages)
assert.deepEqual([after.status, after.error, after.messages.length], ['ready', undefined, 2])

// A second question has an answer of its own, which can be resumed as well.
const second = 'And the day after tomorrow?'
void after.sendMessage({ text: second })
await until(() => after.answer.includes('And'))
const again = await reopen('one', after.messages.slice(0, -1))
assert.ok(again.answer.endsWith(`: ${second}`), again.answer)
await until(() => after.status === 'ready')
assert.equal(after.answer, again.answer)
assert.equal(after.messages.length, 4)

// Stop stops the model, for all who read, and the part is shown as complete.
const stopping = new Page(here.url, 'two')
void stopping.sendMessage({ text: question })
await until(() => stopping.answer.includes('nice'))
const watching = new Page(there.url, 'two', asked(stopping))
void watching.resumeStream()
await until(() => watching.answer.includes('nice'))
assert.equal(await stop('two'), true)
await until(() => stopping.status === 'ready' && watching.status === 'ready')
for (const page of [stopping, watching]) {
  assert.ok(page.answer.includes('nice') && !page.answer.includes('house'), page.answer)
  assert.deepEqual([page.status, page.error, page.partStates], ['ready', undefined, ['done']])
}
assert.equal(await statusOfStream('two'), 204)
assert.equal(await stop('two'), false)

// A failed answer is an error for every reader, and cannot be resumed.
const failing = new Page(here.url, 'three')
void failing.sendMessage({ text: 'So, please: Fail! Now.' })
await until(() => failing.answer.includes('please'))
const failed = await reopen('three', asked(failing))
await until(() => failing.status === 'error')
assert.equal(failed.status, 'error')
assert.equal(await statusOfStream('three'), 204)

if (areTwo) {
  // A process dies in the middle of an answer: no reader mistakes the part for the whole.
  const doomed = await startServer(program)
  const broken = new Page(doomed.url, 'five')
  void broken.sendMessage({ text: question })
  await until(() => broken.answer.includes('nice'))
  const witness = new Page(there.url, 'five', asked(broken))
  void witness.resumeStream()
  await until(() => witness.answer.includes('nice'))
  await doomed.end('SIGKILL')
  await until(() => broken.status === 'error' && witness.status === 'error')
  assert.equal(await statusOfStream('five'), 204)

  // A redeploy in the middle of an answer: its reader gets the answer to the end, while the other process serves a page that
  // opens now.
  const redeployed = new Page(here.url, 'four')
  void redeployed.sendMessage({ text: question })
  await until(() => redeployed.answer.includes('nice'))
  const ended = here.end('SIGTERM')
  const resumed = await reopen('four', asked(redeployed), there.url)
  assert.ok(resumed.answer.endsWith(question), resumed.answer)
  await until(() => redeployed.status === 'ready')
  assert.equal(redeployed.answer, resumed.answer)
  await ended
}
await there.end('SIGTERM')
console.log('ok')

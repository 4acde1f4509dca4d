/**
 * A chat room. Messages are a topic: a member who joins gets the history, and a member whose network fails gets the messages
 * that were sent in the meantime. The hub lists the members that are present, and the example announces each change.
 *
 *     GET  /rooms/:room?as=NAME   the room, live; ?lastEventId=earliest for its history
 *     POST /rooms/:room?as=NAME   says something
 *
 * The program plays its own members, and checks what each of them reads.
 */
import assert from 'node:assert/strict'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter, HttpError, jsonResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub, topic } from '@sse-toolkit/sse-server'

// A room is a topic for what is said, and one for who is there. The first has a history, the second is only worth its newest event.
const hub = createHub({
  // A real application reads a session here.
  authorize: (request) => ({ identity: new URL(request.url).searchParams.get('as') ?? 'a guest' }),
  reconnectionTimeMs: 50,
  onJoin: ({ topics }) => void announcePresence(topics),
  onLeave: ({ topics }) => void announcePresence(topics),
})

async function announcePresence(topics: readonly string[]): Promise<void> {
  const room = topics.find((name) => name.startsWith('said.'))?.slice('said.'.length)
  if (room === undefined) return
  // A member with two tabs is there once.
  const members = new Set(hub.connections({ topic: `said.${room}` }).map(({ identity = '' }) => identity))
  await hub.publish(topic`present.${room}`, { event: 'present', data: [...members] })
}

const router = createRouter()
router.get('/rooms/:room', (request, { params: { room } }) =>
  hub.subscribe(request, { topics: [topic`said.${room}`, topic`present.${room}`] }),
)
router.post('/rooms/:room', async (request, { params: { room } }) => {
  const text = await request.text()
  if (text.length === 0 || text.length > 1000) throw new HttpError(400, 'Say 1 to 1000 characters.')
  const by = new URL(request.url).searchParams.get('as') ?? 'a guest'
  return jsonResponse(await hub.publish(topic`said.${room}`, { event: 'said', data: { by, text } }))
})
const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()

// The members.

interface Member {
  readonly heard: string[]
  readonly present: () => readonly string[]
  readonly say: (text: string) => Promise<void>
  readonly leave: () => void
}

function join(name: string, from = ''): Member {
  const url = new URL(`/rooms/lobby?as=${name}`, server.url)
  const heard: string[] = []
  let present: readonly string[] = []
  const client = createEventSource(url, { data: 'json', lastEventId: from })
  client.on('said', ({ data }) => {
    const { by, text } = data as { by: string; text: string }
    heard.push(`${by}: ${text}`)
  })
  client.on('present', ({ data }) => void (present = data as string[]))
  return {
    heard,
    present: () => present,
    say: async (text) => void (await fetch(url, { method: 'POST', body: text })),
    leave: () => client.close(),
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
}

const [ada, bob] = [join('ada'), join('bob')]
await until(() => ada.present().length === 2 && bob.present().length === 2)
await ada.say('Hello, is anybody here?')
await bob.say('I am.')
await until(() => ada.heard.length === 2 && bob.heard.length === 2)

// Bob's network fails, and Ada goes on. The client reconnects by itself, and the hub sends what Bob missed.
hub.disconnect(({ identity }) => identity === 'bob')
await ada.say('Bob?')
await ada.say('Did you hear that?')
await until(() => bob.heard.length === 4)

// Cleo comes late, and reads the history.
const cleo = join('cleo', 'earliest')
await until(() => cleo.heard.length === 4 && cleo.present().length === 3)

const said = ['ada: Hello, is anybody here?', 'bob: I am.', 'ada: Bob?', 'ada: Did you hear that?']
for (const member of [ada, bob, cleo]) assert.deepEqual(member.heard, said)
assert.deepEqual(new Set(ada.present()), new Set(['ada', 'bob', 'cleo']))

cleo.leave()
await until(() => ada.present().length === 2)
ada.leave()
bob.leave()
await hub.close()
await server.close()
console.log('ok')

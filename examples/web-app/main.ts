/**
 * A photo wall: a page, uploads by a form, a WebSocket that announces each new photo, metrics and an access log. It uses
 * every optional part of http-core, plays its own browser, and checks what that gets to see.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from '@prometheus-io/client'
import { HttpError, createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { compression } from '@sse-toolkit/http-core/compression'
import { accessLog } from '@sse-toolkit/http-core/logging'
import type { AccessRecord } from '@sse-toolkit/http-core/logging'
import { httpMetrics, metricsHandler, registerServerMetrics } from '@sse-toolkit/http-core/metrics'
import { readMultipart } from '@sse-toolkit/http-core/multipart'
import { createServer } from '@sse-toolkit/http-core/node'
import { embeddedTree, serveDirectory } from '@sse-toolkit/http-core/static'
import { channel } from '@sse-toolkit/http-core/web-socket'
import type { Channel } from '@sse-toolkit/http-core/web-socket'

const photos = await mkdtemp(join(tmpdir(), 'photo-wall-'))
const records: AccessRecord[] = []
const visitors = new Set<Channel>()
const registry = new Registry()
const router = createRouter()

router.use(compression(), { stage: 'encoding' })
router.use(httpMetrics({ registry }))
router.use(accessLog({ logger: { info: (record) => records.push(record) } }))

router.get('/metrics', metricsHandler(registry))

router.get('/photos/**', serveDirectory(photos, { directories: 'list' }))

router.post('/photos', async (request) => {
  const names: string[] = []
  for await (const part of readMultipart(request, { maxParts: 10, maxFileBytes: 1_000_000 })) {
    if (part.kind !== 'file') continue
    // A file name is a claim of the client: the name on the disk is ours.
    if (part.mediaType !== 'image/png') throw new HttpError(415, 'A photo is a PNG.')
    const name = `${names.length + 1}.png`
    await writeFile(join(photos, name), part.content)
    names.push(name)
  }
  for (const visitor of visitors) visitor.send(JSON.stringify({ added: names }))
  return jsonResponse({ added: names }, { status: 201 })
})

router.get('/live', (request) =>
  channel(
    request,
    {
      open: (visitor) => void visitors.add(visitor),
      close: (visitor) => void visitors.delete(visitor),
    },
    { accepts: 'websocket' },
  ),
)

router.get('/**', serveDirectory(embeddedTree({ 'index.html': `<h1>Photo wall</h1>${'<hr>'.repeat(500)}` })))

const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
registerServerMetrics(server, { registry })
const url = server.url ?? ''

try {
  await observe()
} finally {
  await server.close()
  await rm(photos, { recursive: true })
}
console.log('ok')

async function observe(): Promise<void> {
  const page = await fetch(url, { headers: { 'accept-encoding': 'gzip' } })
  assert.equal(page.headers.get('content-encoding'), 'gzip')
  assert.match(await page.text(), /^<h1>Photo wall/)

  const live = new WebSocket(url.replace('http', 'ws') + '/live')
  await once(live, 'open')
  const announced = once(live, 'message')

  const form = new FormData()
  form.set('title', 'Summer')
  form.set('photo', new Blob([new Uint8Array(50_000)], { type: 'image/png' }), '../../etc/passwd.png')
  const uploaded = await fetch(`${url}/photos`, { method: 'POST', body: form })
  assert.deepEqual([uploaded.status, await uploaded.json()], [201, { added: ['1.png'] }])

  const [message] = (await announced) as [{ readonly data: string }]
  assert.deepEqual(JSON.parse(message.data), { added: ['1.png'] })
  live.close()
  await once(live, 'close')

  const listed = await fetch(`${url}/photos/`, { headers: { accept: 'application/json' } })
  assert.deepEqual(await listed.json(), { entries: [{ name: '1.png', kind: 'file', sizeBytes: 50_000 }] })
  const part = await fetch(`${url}/photos/1.png`, { headers: { range: 'bytes=-100' } })
  assert.deepEqual([part.status, (await part.arrayBuffer()).byteLength], [206, 100])

  form.set('photo', new Blob(['#!/bin/sh'], { type: 'text/x-sh' }), 'script.sh')
  assert.equal((await fetch(`${url}/photos`, { method: 'POST', body: form })).status, 415)

  const metrics = await (await fetch(`${url}/metrics`)).text()
  assert.match(metrics, /http_requests_total\{method="POST",route="\/photos",status="201"\} 1/)
  assert.deepEqual(
    records.filter(({ route }) => route === '/photos').map(({ status }) => status),
    [201, 415],
  )
}

/** Route handlers on web standards, as Next.js (`app/events/route.ts`), SvelteKit, Remix and Astro call them. */
import { respond } from '@sse-toolkit/sse-server'
import { createStory, maxBufferedBytes } from './story.ts'

const story = createStory()
const { onClose } = story

export function GET(request: Request): Response {
  const { pathname } = new URL(request.url)
  const headers = { 'x-set-before': 'yes' }
  if (pathname === '/observed') return Response.json(story.observed)
  if (pathname === '/push') {
    return respond((stream) => story.push(request.url, stream), {
      request,
      headers,
      onClose,
      maxBufferedBytes,
    })
  }
  return respond(({ signal }) => story.pull(request.url, signal), { request, headers, onClose })
}

export { GET as HEAD, GET as POST }

import { textResponse } from '@sse-toolkit/http-core'
import type { Router } from '@sse-toolkit/http-core'
import { respond } from '@sse-toolkit/sse-server'
import type { InspectOrder } from '@sse-toolkit/cli/inspect'
import type { Runtime } from '../runtime.ts'
import { readJson } from '../read-json.ts'
import { InspectionError } from '@sse-toolkit/cli/inspect/node'
import { reachOf } from './reach.ts'
import type { InspectReach } from './reach.ts'
import { inspect } from '@sse-toolkit/cli/inspect/node'
import { parseOrder } from './order.ts'

/** Each holds a connection, and up to 4 MiB go through it. */
const MAX_INSPECTIONS = 4

/**
 * Adds the inspector:
 *
 *     POST /inspect  asks what the JSON of an `InspectOrder` says, and tells what comes back as an event stream: see
 *                    `InspectEvents`. 400 for an order that cannot be, 429 while four others run
 *
 * @param options - `reach` is where orders may lead: to this machine alone, unless the demo was started with
 *   `--allow-inspect`. The demo is not an open proxy.
 */
export function addInspectRoutes(router: Router, options: { reach: InspectReach; runtime: Runtime }): void {
  const { reach, runtime } = options
  let running = 0

  router.post('/inspect', async (request) => {
    const order = await readOrder(request)
    if (order instanceof Response) return order
    if (running >= MAX_INSPECTIONS)
      return textResponse(`${MAX_INSPECTIONS} inspections run already.\n`, {
        status: 429,
        headers: { 'retry-after': '5' },
      })
    return respond(
      async function* ({ signal }) {
        running += 1
        try {
          yield* inspect({ order, reach: reachOf(reach), runtime, signal })
        } finally {
          running -= 1
        }
      },
      { request },
    )
  })
}

/** @returns A response that says what is wrong with it, otherwise. */
async function readOrder(request: Request): Promise<InspectOrder | Response> {
  const json = await readJson(request)
  if (json === undefined) return textResponse('Send an order as JSON.\n', { status: 400 })
  try {
    return parseOrder(json)
  } catch (error) {
    if (error instanceof InspectionError) return textResponse(`${error.message}.\n`, { status: 400 })
    throw error
  }
}

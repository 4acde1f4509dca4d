import { createPublishHandler } from '@sse-toolkit/sse-server'
import { hub } from '../../lib/hub.js'

const publish = createPublishHandler(hub, { authorize: () => ({}) })

export const POST = ({ request }) => publish(request)

import { createPublishHandler } from '@sse-toolkit/sse-server'
import { hub } from '../../hub.js'

export const POST = createPublishHandler(hub, { authorize: () => ({}) })

import { createPublishHandler } from '@sse-toolkit/sse-server'
import { defineHandler } from 'nitro/h3'
import { hub } from '../hub.js'

const publish = createPublishHandler(hub, { authorize: () => ({}) })

export default defineHandler((event) => publish(event.req))

import { defineHandler } from 'nitro/h3'
import { hub } from '../hub.js'

export default defineHandler((event) => hub.subscribe(event.req, { topics: ['news'] }))

import { defineHandler } from 'nitro/h3'
import { hub } from '../hub.js'

export default defineHandler(() => hub.stats())

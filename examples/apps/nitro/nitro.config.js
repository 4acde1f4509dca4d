import { defineNitroConfig } from 'nitro/config'

export default defineNitroConfig({ serverDir: './', compatibilityDate: '2026-11-01' })

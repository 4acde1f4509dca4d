import { hub } from '../../hub.js'

export const dynamic = 'force-dynamic'
export const GET = (request) => hub.subscribe(request, { topics: ['news'] })

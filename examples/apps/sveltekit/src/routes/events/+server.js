import { hub } from '../../lib/hub.js'

export const GET = ({ request }) => hub.subscribe(request, { topics: ['news'] })

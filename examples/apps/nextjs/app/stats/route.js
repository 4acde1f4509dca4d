import { hub } from '../../hub.js'

export const dynamic = 'force-dynamic'
export const GET = () => Response.json(hub.stats())

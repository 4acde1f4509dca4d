import { Controller, Get, Inject, Post, Req, Res } from '@nestjs/common'
import type { BeforeApplicationShutdown } from '@nestjs/common'
import { createPublishHandler } from '@sse-toolkit/sse-server'
import type { Hub, HubStats } from '@sse-toolkit/sse-server'
import { sendResponse, subscribeNode, webRequest } from '@sse-toolkit/sse-server/node'
import type { Request, Response } from 'express'
import { HUB } from './hub.provider.js'

@Controller()
export class EventsController implements BeforeApplicationShutdown {
  readonly #publish: (request: globalThis.Request) => Promise<globalThis.Response>

  constructor(@Inject(HUB) private readonly hub: Hub) {
    this.#publish = createPublishHandler(hub, { authorize: () => ({}) })
  }

  @Get('events')
  subscribe(@Req() req: Request, @Res() res: Response): Promise<void> {
    return subscribeNode(this.hub, req, res, { topics: ['news'] })
  }

  @Post('publish')
  async publish(@Req() req: Request, @Res() res: Response): Promise<void> {
    await sendResponse(res, await this.#publish(webRequest(req, res)))
  }

  @Get('stats')
  stats(): HubStats {
    return this.hub.stats()
  }

  /** Ends the streams before Nest closes its server, which would wait for them. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.hub.close({ drainMs: 2000 })
  }
}

import 'reflect-metadata'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { EventsController } from './events.controller.js'
import { hubProvider } from './hub.provider.js'

@Module({ controllers: [EventsController], providers: [hubProvider] })
class AppModule {}

// Without Nest's own body parser: it would read the content that the publish handler is to read.
const app = await NestFactory.create(AppModule, { bodyParser: false })
app.enableShutdownHooks()
await app.listen(process.env['PORT'] ?? 3000)

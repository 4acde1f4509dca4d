import type { Hub } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { World } from './world.ts'

/** Publishes an event by one hub. What becomes of it is noted, and it must be stored. */
export function publishBy(
  world: World,
  { hub, name }: { readonly hub: Hub; readonly name: string },
  random: SeededRandom,
  topic: string,
  text: string,
): void {
  const data = `${text}\n${'x'.repeat(random.integer(0, world.settings.eventLength))}`
  const event = random() < 0.3 ? { data, event: 'typed' } : { data }
  const options = random() < 0.3 ? { key: `key ${random.integer(0, 2)}` } : {}
  void noteOutcome(hub.publish(topic, event, options))

  async function noteOutcome(publishing: Promise<{ readonly id: string }>): Promise<void> {
    try {
      const { id } = await publishing
      world.note(name, 'has published', topic, id)
      if (world.history.at(id)?.data !== data)
        world.report({ kind: 'not-stored', actor: name, text: `publish gave ${id}, which is not there` })
    } catch (error) {
      noteFailure(world, name, 'publish', error)
    }
  }
}

export function noteFailure(world: World, name: string, what: string, error: unknown): void {
  world.note(name, `${what} fails`, String(error))
  if (!world.isExpected(error))
    world.report({ kind: 'unexpected-error', actor: name, text: `${what}: ${String(error)}` })
}

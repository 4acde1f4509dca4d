import type { Hub } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { Fact } from './history.ts'
import type { World } from './world.ts'

interface Publisher {
  readonly hub: Hub
  readonly name: string
}

/** Publishes an event by one hub. What becomes of it is noted, and it must be stored. */
export function publishBy(
  world: World,
  { hub, name }: Publisher,
  random: SeededRandom,
  topic: string,
  text: string,
): void {
  const data = `${text}\n${'x'.repeat(random.integer(0, world.settings.eventLength))}`
  const event = random() < 0.3 ? { data, event: 'typed' } : { data }
  const options = random() < 0.3 ? { key: `key ${random.integer(0, 2)}` } : {}
  void noteOutcome(world, name, topic, [data], async () => [(await hub.publish(topic, event, options)).id])
}

/**
 * Publishes several events together, again and again until it succeeds, as a caller does that must not lose them and knows
 * that a repeat is stored once.
 *
 * @param pick - which process it turns to this time.
 */
export function publishOnce(
  world: World,
  pick: () => Publisher | undefined,
  random: SeededRandom,
  topic: string,
  name: string,
): void {
  const texts = Array.from({ length: random.integer(1, 4) }, (_, index) => `${name}, event ${index}`)
  const needless = random.integer(0, 2)
  const attempt = async (left: number, repeats: number): Promise<void> => {
    const publisher = pick()
    const retry = (next: number): void =>
      void world.time.after(random() * 1500, () => void attempt(left - 1, next))
    if (world.violation !== undefined || left === 0) return
    if (publisher === undefined) {
      retry(repeats)
      return
    }
    const events = texts.map((data) => ({ data }))
    const isStored = await noteOutcome(world, publisher.name, topic, texts, async () => {
      const { ids } = await publisher.hub.publishBatch(topic, events, { idempotencyKey: name })
      return ids
    })
    judgeOnce(world, publisher.name, texts)
    if (!isStored) retry(repeats)
    else if (repeats > 0) retry(repeats - 1)
  }
  void attempt(10, needless)
}

/** All or none of them are stored, once, and next to each other. */
function judgeOnce({ history, report }: World, actor: string, texts: readonly string[]): void {
  const ofThisEpoch = (fact: Fact): boolean => fact.id.startsWith(`${history.epoch}-`)
  const stored = history.facts.filter((fact) => texts.includes(fact.data) && ofThisEpoch(fact))
  if (stored.length === 0) return
  const first = stored[0]?.index ?? 0
  const expected = texts.map((data, index) => `${first + index} ${data}`)
  const found = stored.map(({ index, data }) => `${index} ${data}`)
  if (JSON.stringify(found) !== JSON.stringify(expected))
    report({
      kind: 'stored-otherwise',
      actor,
      text: `expected ${expected.join(', ')}; found ${found.join(', ')}`,
    })
}

/** @returns whether it was published. */
async function noteOutcome(
  world: World,
  name: string,
  topic: string,
  texts: readonly string[],
  publish: () => Promise<readonly string[]>,
): Promise<boolean> {
  try {
    const ids = await publish()
    world.note(name, 'has published', topic, ids.join(' '))
    for (const [index, id] of ids.entries())
      if (world.history.at(id)?.data !== texts[index])
        world.report({ kind: 'not-stored', actor: name, text: `publish gave ${id}, which is not there` })
    return true
  } catch (error) {
    noteFailure(world, name, 'publish', error)
    return false
  }
}

export function noteFailure(world: World, name: string, what: string, error: unknown): void {
  world.note(name, `${what} fails`, String(error))
  if (!world.isExpected(error))
    world.report({ kind: 'unexpected-error', actor: name, text: `${what}: ${String(error)}` })
}

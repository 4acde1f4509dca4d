import type { StandardSchema } from '@sse-toolkit/event-source-client'
import type {
  CpuSample,
  DemoEvents,
  DiskSample,
  EventLoopSample,
  HubSample,
  LoadSample,
  MemorySample,
  NetworkSample,
  SequenceSample,
  Unavailable,
} from '../samples.ts'

type Check<Value> = (value: unknown) => value is Value
type Shape<Sample> = { readonly [Field in keyof Sample]-?: Check<Sample[Field]> }

const number = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const text = (value: unknown): value is string => typeof value === 'string'
const numbers = (value: unknown): value is number[] => Array.isArray(value) && value.every(number)
const threeNumbers = (value: unknown): value is [number, number, number] =>
  numbers(value) && value.length === 3

function object<Sample>(shape: Shape<Sample>): Check<Sample> {
  const checks = Object.entries<Check<unknown>>(shape)
  return (value): value is Sample =>
    typeof value === 'object' &&
    value !== null &&
    checks.every(([field, check]) => check((value as Record<string, unknown>)[field]))
}

function either<First, Second>(first: Check<First>, second: Check<Second>): Check<First | Second> {
  return (value): value is First | Second => first(value) || second(value)
}

function schema<Output>(check: Check<Output>): StandardSchema<Output> {
  return {
    '~standard': {
      version: 1,
      vendor: 'sse-toolkit-demo',
      validate: (value) =>
        check(value) ? { value } : { issues: [{ message: 'not the shape of a sample' }] },
    },
  }
}

const unavailable = object<Unavailable>({ at: number, unavailable: text })

/** What each event type must be before a widget sees it: the page may be older than the server it comes back to. */
export const sampleSchemas: { readonly [Topic in keyof DemoEvents]: StandardSchema<DemoEvents[Topic]> } = {
  'machine.cpu': schema(either(object<CpuSample>({ at: number, busy: numbers }), unavailable)),
  'machine.memory': schema(
    object<MemorySample>({ at: number, totalBytes: number, availableBytes: number, processBytes: number }),
  ),
  'machine.load': schema(
    either(object<LoadSample>({ at: number, averages: threeNumbers, cores: number }), unavailable),
  ),
  'machine.network': schema(
    either(
      object<NetworkSample>({ at: number, received: number, sent: number, loopback: number }),
      unavailable,
    ),
  ),
  'machine.disk': schema(
    either(object<DiskSample>({ at: number, read: number, written: number }), unavailable),
  ),
  'process.event-loop': schema(
    object<EventLoopSample>({ at: number, medianMs: number, worstMs: number, utilization: number }),
  ),
  'hub.stats': schema(
    object<HubSample>({
      at: number,
      connections: number,
      published: number,
      delivered: number,
      bufferedBytes: number,
    }),
  ),
  sequence: schema(object<SequenceSample>({ at: number, run: text, n: number })),
}

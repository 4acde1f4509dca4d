import type { ControlRefusalCode } from './control-refusal.ts'

/**
 * What the server publishes and the page draws: one event type for each topic, named as the topic.
 *
 * Every sample says when it was taken: `at`, milliseconds since 1970 by the server's clock.
 */
export interface DemoEvents {
  'machine.cpu': CpuSample | Unavailable
  'machine.memory': MemorySample
  'machine.load': LoadSample | Unavailable
  'machine.network': NetworkSample | Unavailable
  'machine.disk': DiskSample | Unavailable
  'process.event-loop': EventLoopSample
  'hub.stats': HubSample
  sequence: SequenceSample
}

export type DemoTopic = keyof DemoEvents

/** How often each topic gets an event, in milliseconds. */
export const TOPIC_INTERVAL_MS: Readonly<Record<DemoTopic, number>> = {
  'machine.cpu': 500,
  'machine.memory': 1_000,
  'machine.load': 2_000,
  'machine.network': 1_000,
  'machine.disk': 1_000,
  'process.event-loop': 250,
  'hub.stats': 1_000,
  sequence: 100,
}

/** How far back the log reaches, and so how much history a new page gets. */
export const HISTORY_MS = 610_000

/** Of all topics, over {@link HISTORY_MS}, there are 12 500, and what is published under `play.` */
export const MAX_LOGGED_EVENTS = 20_000

/** The buffer of one reader: ten seconds of its topics, so that you can watch a slow reader being disconnected. */
export const MAX_BUFFERED_BYTES = 32_768

export interface CpuSample {
  at: number
  /** Of each core, how much of the time since the last sample it was busy: 0 to 1. */
  busy: number[]
}

export interface MemorySample {
  at: number
  totalBytes: number
  /** What programs could still get without swapping. */
  availableBytes: number
  /** Resident set of the demo's own process. */
  processBytes: number
}

/** Load averages over 1, 5 and 15 minutes. */
export interface LoadSample {
  at: number
  averages: [oneMinute: number, fiveMinutes: number, fifteenMinutes: number]
  cores: number
}

/** Bytes per second since the last sample. */
export interface NetworkSample {
  at: number
  received: number
  sent: number
  /** Of the loopback interface, each byte counted once: this page's own stream is among it. */
  loopback: number
}

/** Bytes per second since the last sample, over all physical block devices. */
export interface DiskSample {
  at: number
  read: number
  written: number
}

/** How late the event loop was, in milliseconds, and how much of the time it was busy (0 to 1), since the last sample. */
export interface EventLoopSample {
  at: number
  medianMs: number
  worstMs: number
  utilization: number
}

export interface HubSample {
  at: number
  connections: number
  /** Events per second since the last sample. */
  published: number
  delivered: number
  /** Bytes that wait for slow readers now. */
  bufferedBytes: number
}

/** The next number of a run: each must arrive once. Another run begins with 1 in another process. */
export interface SequenceSample {
  at: number
  run: string
  n: number
}

/** The figures that this machine lacks, in plain words. */
export interface Unavailable {
  at: number
  unavailable: string
}

/** What `/about` answers: what does not change while the process runs. */
export interface About {
  platform: string
  cpuModel: string
  cores: number
  totalBytes: number
  node: string
  pid: number
  /** Which server in this place it is, from 1: another one follows when it is restarted, or killed. */
  start: number
  /** How many processes serve the page, behind one port. */
  nodes: number
  /** Whether this visitor may break, publish, load and inspect, or why not. */
  controls: 'allowed' | Exclude<ControlRefusalCode, 'other-site'>
}

import { freemem, totalmem } from 'node:os'
import type { MemorySample } from '../../samples.ts'

/** On Linux, `freemem` is the kernel's MemAvailable: what could be had without swapping. */
export function readMemory(): Omit<MemorySample, 'at'> {
  return { totalBytes: totalmem(), availableBytes: freemem(), processBytes: process.memoryUsage.rss() }
}

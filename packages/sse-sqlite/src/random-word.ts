import type { Runtime } from '@sse-toolkit/sse-server'

const digits = '0123456789abcdefghijklmnopqrstuvwxyz'

/** 12 digits of base 36 (62 bits): no two of them ever meet. */
export function randomWord(runtime: Pick<Runtime, 'random'>): string {
  return Array.from({ length: 12 }, () => digits[Math.floor(runtime.random() * 36)]).join('')
}

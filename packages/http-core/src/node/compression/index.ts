export { compression } from './compression.ts'
export type { CompressionOptions, ContentCoding } from './compression.ts'
export { decompression } from './decompression.ts'
export type { DecompressionOptions } from './decompression.ts'

import { closeSync, openSync, readSync, watch, writeSync } from 'node:fs'
import type { Witness } from '../file/log-file.ts'
import { fileAt, fileOf } from '../file/file-identity.ts'

const textBytes = 64

/** Calls `onChange` whenever somebody writes to the file. Throws, or calls `onError`, if it cannot. */
export type WatchFile = (
  path: string,
  onChange: () => void,
  onError: (error: unknown) => void,
) => { close(): void }

const watchFile: WatchFile = (path, onChange, onError) =>
  watch(path, { persistent: false }, onChange).on('error', onError)

/**
 * A file next to the log's. A process that has committed writes to it, and all processes watch it.
 *
 *     k3v9x0q2zz81 1041 ......      the log's epoch and newest seq, filled up with blanks
 *
 * To watch the write-ahead log itself would lose wake-ups: its changes come before the commit that they belong to. What is
 * written says how far the log was, should the file be replaced by an older one.
 */
export class Bell {
  readonly #path: string
  readonly #watchFile: WatchFile
  readonly #text = Buffer.alloc(textBytes)
  #descriptor: number
  #file: string
  #watcher: ReturnType<WatchFile> | null = null
  #onRing: () => void = () => undefined
  #onDeaf: (error: unknown) => void = () => undefined

  constructor(path: string, watchWith: WatchFile = watchFile) {
    this.#path = path
    this.#watchFile = watchWith
    this.#descriptor = openBell(path)
    this.#file = fileOf(this.#descriptor)
  }

  /** How far the log was when the bell was rung last; undefined if it never was. */
  get witness(): Witness | undefined {
    const text = Buffer.alloc(textBytes)
    readSync(this.#descriptor, text, 0, textBytes, 0)
    const [, epoch, digits] = /^(\w+) (\d+) *$/.exec(text.toString('latin1')) ?? []
    return epoch === undefined ? undefined : { epoch, seq: Number(digits) }
  }

  /** @param onDeaf - Called if this process cannot watch the bell. */
  watch(onRing: () => void, onDeaf: (error: unknown) => void): void {
    this.#onRing = onRing
    this.#onDeaf = onDeaf
    this.#listen()
  }

  ring(epoch: string, seq: number): void {
    this.#text.fill(' ')
    this.#text.write(`${epoch} ${seq}`, 'latin1')
    writeSync(this.#descriptor, this.#text, 0, textBytes, 0)
  }

  /** If somebody deleted the file, others ring and watch another one. */
  checkPlace(): void {
    if (fileAt(this.#path) === this.#file) return
    this.close()
    this.#descriptor = openBell(this.#path)
    this.#file = fileOf(this.#descriptor)
    this.#listen()
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
    closeSync(this.#descriptor)
  }

  #listen(): void {
    try {
      this.#watcher = this.#watchFile(this.#path, this.#onRing, (error) => {
        this.#watcher = null
        this.#onDeaf(error)
      })
    } catch (error) {
      // The system has no watch left, or knows none for this file.
      this.#onDeaf(error)
    }
  }
}

/** A bell, whoever made it. */
export type LogBell = Pick<Bell, keyof Bell>

function openBell(path: string): number {
  // Created if it does not exist, and never cut.
  closeSync(openSync(path, 'a'))
  return openSync(path, 'r+')
}

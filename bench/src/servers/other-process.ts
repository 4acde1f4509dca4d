import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { host } from './publishing-server.ts'

const startTimeoutMs = 3000

/** A contender that does not run on Node, in a process of its own. It inherits our CPU affinity, and ends with us. */
export function startProgram(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  return child
}

/** @throws if no process accepts connections on the port in time. */
export async function untilListening(port: number): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new TypeError(`Nobody listens on port ${port}`)
    await delay(20)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** User and system time of another process, as the scheduler counts it; Linux only. */
export function cpuMicrosOf(pid: number): number {
  const [nanoseconds = ''] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
  return Number(nanoseconds) / 1000
}

/** Resident memory of another process; Linux only. */
export function rssBytesOf(pid: number): number {
  const [, kibibytes = ''] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kibibytes) * 1024
}

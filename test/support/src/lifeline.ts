// Preloaded into every Node process that startProcess starts (`--import`). File descriptor 3 is a pipe from the test:
// it ends when the test's process is gone, however it went, SIGKILL included, and no orphan stays.
import { Socket } from 'node:net'

const LIFELINE_FD = 3

const lifeline = new Socket({ fd: LIFELINE_FD })
const die = (): void => {
  process.kill(process.pid, 'SIGKILL')
}
lifeline.once('error', die)
lifeline.once('close', die)
lifeline.resume()
// It must not keep a program alive that is done.
lifeline.unref()

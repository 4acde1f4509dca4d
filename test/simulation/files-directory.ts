import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/** Where the files of runs are: in memory, where there is such a place. A run is thousands of commits. */
export const filesDirectory: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

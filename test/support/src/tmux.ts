import { findExternalProgram } from './external-program.ts'
import type { ExternalProgram } from './external-program.ts'

/** tmux, which draws what a command shows in a terminal. `TMUX_PATH` names another one. */
export function findTmux(): ExternalProgram {
  return findExternalProgram({ names: ['tmux'], variable: 'TMUX_PATH', howToGet: 'apt-get install tmux' })
}

import { spawn } from 'node:child_process'

/**
 * Runs a program that must succeed. It gets no standard input, so it cannot ask and wait.
 *
 * @returns what it wrote to standard output.
 * @throws Error with everything that it wrote, if it exits with another code than 0.
 */
export function runToSuccess(command: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${command} ${args.join(' ')}: exit code ${code}\n${stdout}${stderr}`))
    })
  })
}

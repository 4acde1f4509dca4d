/** Whether an error has this code. Not by its class, which differs between copies of a package: a log may bring another one. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

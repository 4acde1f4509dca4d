/** Whether an error has this code. The class of an error says less: it differs between copies of a package and between realms. */
export function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}

import { OptionError } from './errors/option-error.ts'

/**
 * Numbers are from 0, Infinity included: whatever a timer cannot keep is cut to what it can.
 *
 * @param values - By option; undefined is an absent one.
 * @param path - What they are parts of, `reconnection.`: there, nothing may be undefined.
 */
export function requireType(
  type: 'function' | 'number' | 'string',
  values: Readonly<Record<string, unknown>>,
  path = '',
): void {
  for (const [name, value] of Object.entries(values))
    if (
      (path || value !== undefined) &&
      (typeof value !== type || (type === 'number' && !((value as number) >= 0)))
    )
      throw new OptionError(path + name, value, type === 'number' ? 'a number from 0' : `a ${type}`)
}

/** @param allowed - The first is the default. */
export function requireOneOf<Options, Name extends keyof Options & string>(
  options: Options,
  name: Name,
  allowed: readonly [NonNullable<Options[Name]>, ...NonNullable<Options[Name]>[]],
): NonNullable<Options[Name]> {
  const { [name]: value = allowed[0] } = options
  const choice = value as NonNullable<Options[Name]>
  if (!allowed.includes(choice)) throw new OptionError(name, choice, `one of ${allowed.join(', ')}`)
  return choice
}

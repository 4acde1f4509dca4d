import { OptionError } from './errors/option-error.ts'

/**
 * Numbers from 0, Infinity included. Longer times than a timer can keep are cut to its limit.
 *
 * @param values - By option; undefined counts as absent.
 * @param path - The option that they are parts of, such as `reconnection.`: there, nothing may be undefined.
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

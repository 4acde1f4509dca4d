/** Whether it stands for more than one topic. */
export function isWildcard(pattern: string): boolean {
  return /[*>]/.test(pattern)
}

const compiled = new Map<string, RegExp>()

/** Whether a pattern stands for a topic. Written independently, from the documentation, so that a mistake in the hub's matching does not hide here. */
export function isTopicOf(pattern: string, topic: string): boolean {
  let expression = compiled.get(pattern)
  if (expression === undefined) {
    const source = pattern
      .split('.')
      .map((token) => (token === '*' ? '[^.]+' : token === '>' ? '.+' : token.replaceAll(/\W/g, '\\$&')))
    expression = new RegExp(`^${source.join('\\.')}$`)
    compiled.set(pattern, expression)
  }
  return expression.test(topic)
}

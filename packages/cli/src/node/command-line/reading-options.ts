/** The options of every command that reads events: `tail` and `record`. */
export const readingOptions = {
  type: { type: 'string', multiple: true },
  limit: { type: 'string' },
  'until-end': { type: 'boolean', default: false },
  'max-time': { type: 'string' },
  from: { type: 'string' },
  'last-event-id': { type: 'string' },
  header: { type: 'string', short: 'H', multiple: true },
  insecure: { type: 'boolean', short: 'k', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const

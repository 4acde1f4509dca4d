/*
 * Imported before anything of undici or of a newer Node, so that an older Node prints this sentence and not which export it lacks.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 19))
  throw new Error(
    `@sse-toolkit/event-source-client needs Node.js 22.19 or later, and this is ${process.version}.`,
  )

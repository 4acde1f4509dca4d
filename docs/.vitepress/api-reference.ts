import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Application, Converter, DeclarationReflection } from 'typedoc'
import type { TypeDocOptions } from 'typedoc'
import type { PluginOptions } from 'typedoc-plugin-markdown'
import { repository } from './pages.ts'

// Writes the reference of all packages from their docstrings to reference/api: a page for each entry point.

const output = fileURLToPath(new URL('../reference/api', import.meta.url))
const condition = '@sse-toolkit/source'

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

/** The sources of each entry point of the packages that are published, and the name that it is imported by. */
function entryPoints(): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  for (const folder of readdirSync(join(repository, 'packages'))) {
    const path = join(repository, 'packages', folder)
    const manifest = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Manifest
    if (manifest.private) continue
    for (const [subpath, target] of Object.entries(manifest.exports)) {
      const source = typeof target === 'string' ? undefined : target[condition]
      if (source !== undefined) entries.set(join(path, source), join(manifest.name, subpath))
    }
  }
  return entries
}

const names = entryPoints()
const options: TypeDocOptions & PluginOptions = {
  plugin: ['typedoc-plugin-markdown'],
  entryPoints: [...names.keys()],
  tsconfig: fileURLToPath(new URL('../tsconfig.api.json', import.meta.url)),
  basePath: repository,
  disableGit: true,
  // Paths begin at the folder that all entry points share.
  sourceLinkTemplate: 'https://github.com/sse-toolkit/sse-toolkit/blob/main/packages/{path}#L{line}',
  outputs: [{ name: 'markdown', path: output }],
  name: 'API',
  readme: 'none',
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  outputFileStrategy: 'modules',
  entryFileName: 'index',
  groupOrder: ['Functions', 'Interfaces', 'Classes', '*'],
  hidePageHeader: true,
  hideBreadcrumbs: true,
  // Of its own, since the plugin counts names that its headings do not show: `Hub.stats` beside `HubStats`.
  useHTMLAnchors: true,
  anchorPrefix: 'api-',
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: 'table',
  typeDeclarationFormat: 'table',
  classPropertiesFormat: 'table',
  tableColumnSettings: { hideSources: true, hideInherited: true, hideOverrides: true, hideModifiers: true },
}

const app = await Application.bootstrapWithPlugins(options)
app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
  const source = reflection instanceof DeclarationReflection ? reflection.sources?.[0] : undefined
  const name = source && names.get(source.fullFileName)
  if (name !== undefined && reflection.parent?.isProject())
    reflection.name = name.replace('@sse-toolkit/', '')
})

const project = await app.convert()
if (project === undefined || app.logger.hasErrors()) throw new Error('The reference could not be made')
rmSync(output, { recursive: true, force: true })
await app.generateOutputs(project)

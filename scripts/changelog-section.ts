/**
 * Prints what a changelog says about one version: the text of its release on GitHub.
 *
 *     node scripts/changelog-section.ts NAME VERSION     such as @sse-toolkit/sse-server 0.1.0
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { publishedPackages } from './published-packages.ts'

const [name = '', version = ''] = process.argv.slice(2)
const found = (await publishedPackages()).find(({ manifest }) => manifest.name === name)
if (found === undefined) throw new Error(`${name} is not a published package.`)
const changelog = await readFile(join(found.folder, 'CHANGELOG.md'), 'utf8')
const section = changelog.split(/^## /m).find((text) => text.startsWith(`${version}\n`))
if (section === undefined) throw new Error(`The changelog of ${name} has no section "## ${version}".`)
console.log(section.slice(version.length).trim())

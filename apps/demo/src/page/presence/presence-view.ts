import { createEventSource } from '@sse-toolkit/event-source-client'
import type { PresenceSnapshot, PresentConnection } from '../../presence/presence-snapshot.ts'
import { create } from '../element.ts'
import { formatCount, formatMemory } from '../format.ts'
import { createExplainingFetch, readRefusal } from '../refusal.ts'
import type { View, ViewContext } from '../view.ts'

const COLUMNS = ['Who', 'Where', 'Topics', 'Position', 'Connected for', 'Waiting', '']
const SHOWN_TOPICS = 2

/** The readers of this server, the position of each in the stream, and a button that ends a reader's stream. */
export function createPresenceView({ readerId }: ViewContext): View {
  const element = create('section', 'card presence')
  element.setAttribute('aria-labelledby', 'presence-title')
  const title = create('h2', '', 'Who reads')
  title.id = 'presence-title'
  const summary = create('p', 'lead')
  const outcome = create('p', 'presence-outcome')
  outcome.setAttribute('role', 'status')
  const scroll = create('div', 'presence-scroll')
  scroll.tabIndex = 0
  scroll.setAttribute('role', 'region')
  scroll.setAttribute('aria-label', 'Connections, one in each row')
  const table = create('table', 'presence-table')
  const head = table.createTHead().insertRow()
  for (const name of COLUMNS) {
    const cell = create('th')
    cell.scope = 'col'
    if (name === '') cell.append(create('span', 'presence-hidden', 'Action'))
    else cell.textContent = name
    head.append(cell)
  }
  const body = table.createTBody()
  scroll.append(table)
  element.append(title, summary, outcome, scroll)
  const rows = new Map<string, Row>()
  let close: (() => void) | undefined

  function draw({ at, node, nodes, total, connections }: PresenceSnapshot): void {
    const place = nodes === 1 ? 'this server' : `node ${node} of ${nodes}, which this page asked`
    const hidden = total - connections.length
    summary.textContent =
      `${formatCount(total)} ${total === 1 ? 'stream comes' : 'streams come'} from ${place}.` +
      (hidden > 0 ? ` The ${formatCount(hidden)} latest are not listed.` : '')
    const keys = new Set<string>()
    for (const [index, connection] of connections.entries()) {
      // Streams without distinct ids are identified by their place in the list.
      const key = `${connection.identity ?? ''} ${connection.since} ${connection.topics.join()} ${connection.identity === undefined ? index : ''}`
      keys.add(key)
      const row = rows.get(key) ?? createRow(connection, disconnect)
      row.update(connection, at)
      if (rows.has(key)) continue
      rows.set(key, row)
      body.append(row.element)
    }
    for (const [key, row] of rows) {
      if (keys.has(key)) continue
      row.element.remove()
      rows.delete(key)
    }
  }

  async function disconnect(identity: string): Promise<void> {
    const response = await fetch('/presence/disconnect', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ identity }),
    })
    outcome.textContent = response.ok
      ? `The server ended the stream of ${identity}. Its client reconnects and resumes.`
      : `The server refused: ${await readRefusal(response)}`
  }

  return {
    path: 'connections',
    title: 'Connections',
    element,
    show() {
      if (close !== undefined) return
      summary.textContent = 'Asking the server.'
      const explaining = createExplainingFetch()
      const stream = createEventSource(`/presence?reader=${readerId}`, {
        data: 'json',
        fetch: explaining.fetch,
      })
      close = () => stream.close()
      stream.on('presence', ({ data }) => draw(data as PresenceSnapshot))
      stream.onStatus((status) => {
        if (status.state === 'reconnecting') summary.textContent = 'The server is gone. Trying again.'
        else if (status.state === 'closed' && status.cause !== undefined)
          summary.textContent = explaining.refusal ?? status.cause.message
      })
    },
    hide() {
      close?.()
      close = undefined
    },
  }
}

interface Row {
  readonly element: HTMLTableRowElement
  update(connection: PresentConnection, at: number): void
}

/** What does not change is written once; a button that has the focus stays. */
function createRow(connection: PresentConnection, disconnect: (identity: string) => Promise<void>): Row {
  const element = create('tr')
  const { identity, isAsker, address, userAgent, topics } = connection
  const who = create('td', '', identity ?? 'did not say')
  if (isAsker) who.append(' ', create('strong', 'presence-you', 'this browser'))
  const where = create(
    'td',
    '',
    [address, userAgent && browserIn(userAgent)].filter(Boolean).join(' \u00B7 ') || '\u2013',
  )
  if (userAgent !== undefined) where.title = userAgent
  const listed = topics.slice(0, SHOWN_TOPICS).join(', ')
  const subscribed = create(
    'td',
    '',
    topics.length > SHOWN_TOPICS ? `${listed} and ${topics.length - SHOWN_TOPICS} more` : listed,
  )
  subscribed.title = topics.join(', ')
  const [position, age, waiting, action] = [create('td'), create('td'), create('td'), create('td')]
  const code = create('code')
  position.append(code)
  if (identity !== undefined) {
    const button = create('button', 'presence-button', 'Disconnect')
    button.type = 'button'
    button.setAttribute('aria-label', `Disconnect ${identity}`)
    button.addEventListener('click', () => void disconnect(identity))
    action.append(button)
  }
  element.append(who, where, subscribed, position, age, waiting, action)
  // On a narrow screen there is no head above them.
  for (const [index, cell] of Array.from(element.cells).entries()) cell.dataset.column = COLUMNS[index] ?? ''
  return {
    element,
    update({ position: id, since, bufferedBytes }, at) {
      code.textContent = id
      age.textContent = formatAge(at - since)
      waiting.textContent = formatMemory(bufferedBytes)
    },
  }
}

/** `12 s`, `3 min`, `2 h`: no figure that changes faster than one reads. */
function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.round(ageMs / 1_000))
  if (seconds < 60) return `${seconds} s`
  return seconds < 3_600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`
}

/** The name that people know it by, of all that it pretends to be. */
function browserIn(userAgent: string): string {
  const [, name, version] =
    /(Firefox|Edg|OPR|HeadlessChrome|Chrome)\/(\d+)/.exec(userAgent) ??
    /(?:(Safari))\/(\d+)/.exec(userAgent) ??
    /^([^\s/]+)\/?(\S*)/.exec(userAgent) ??
    []
  return `${name === 'Edg' ? 'Edge' : (name ?? userAgent.slice(0, 40))} ${version ?? ''}`.trim()
}

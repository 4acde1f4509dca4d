import { useState } from 'react'
import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { useEventSource } from '@sse-toolkit/event-source-client/react'

interface Price {
  readonly symbol: string
  readonly eur: number
}

/** The newest price of each symbol. After a gap, prices may be stale: they go until new ones come. */
function Prices(): ReactNode {
  const [prices, setPrices] = useState<ReadonlyMap<string, number>>(new Map())
  const { status } = useEventSource('/prices?lastEventId=earliest', {
    data: 'json',
    onEvent({ type, data }) {
      if (type !== 'price') return
      const { symbol, eur } = data as Price
      setPrices((known) => new Map(known).set(symbol, eur))
    },
    onGap: () => setPrices(new Map()),
  })
  return (
    <main>
      <h1>Prices</h1>
      <p role="status">{status.state === 'open' ? 'live' : status.state}</p>
      <ul>
        {[...prices].map(([symbol, eur]) => (
          <li key={symbol}>
            {symbol}: {eur.toFixed(2)} EUR
          </li>
        ))}
      </ul>
    </main>
  )
}

const root = document.getElementById('root')
if (root !== null) createRoot(root).render(<Prices />)

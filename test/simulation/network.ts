import { openExchange } from './exchange.ts'
import type { Network, NetworkSetting, Weather } from './network-types.ts'

export const fairWeather: Weather = {
  refused: 0,
  swallowed: 0,
  intermediaryError: 0,
  cut: 0,
  endedEarly: 0,
  halfOpen: 0,
  frozen: 0,
  buffered: 0,
  throttled: 0,
  singleBytes: 0,
  maxLatencyMs: 20,
}

export function createNetwork(setting: NetworkSetting): Network {
  const network: Network = {
    ...setting,
    weather: fairWeather,
    exchanges: new Set(),
    counts: { opened: 0, bytes: 0 },
    transportOf: (client, route) => (request, sink) => {
      network.counts.opened += 1
      return openExchange(network, client, request, sink, route)
    },
    heal(silenceIsNoticed) {
      network.weather = fairWeather
      for (const exchange of network.exchanges) exchange.heal(silenceIsNoticed)
    },
  }
  return network
}

import type { HubEvent, OwnWords } from '@sse-toolkit/sse-server'

/** The provider says that it has failed, or stops without saying so. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
}

/** The differences between the wire formats of two providers. */
export interface Provider {
  readonly path: string
  /** The fields of the request that the provider gets: the credentials are the proxy's own. */
  readonly headers: Readonly<Record<string, string>>
  /** Reads one event of the provider. @throws {@link ProviderError} if it tells of a failure. */
  read(event: { readonly type: string; readonly data: string }): {
    /** The event for readers. The hub sends the end. */
    readonly event: HubEvent | null
    readonly isEnd: boolean
  }
  /** Reports ends and failures in the provider's format. If the format has no early end, the hub breaks the response off. */
  readonly words: OwnWords
}

const openai: Provider = {
  path: '/v1/chat/completions',
  headers: { authorization: `Bearer ${process.env['OPENAI_API_KEY'] ?? 'key'}` },
  read({ data }) {
    if (data === '[DONE]') return { event: null, isEnd: true }
    const { error } = JSON.parse(data) as { error?: { message: string } }
    if (error !== undefined) throw new ProviderError(error.message)
    return { event: { data }, isEnd: false }
  },
  words: {
    end: ({ reason }) => (reason === 'completed' || reason === 'cancelled' ? { data: '[DONE]' } : null),
    failure: ({ message }) => ({
      data: { error: { message, type: 'server_error', param: null, code: null } },
    }),
  },
}

const anthropic: Provider = {
  path: '/v1/messages',
  headers: { 'x-api-key': process.env['ANTHROPIC_API_KEY'] ?? 'key', 'anthropic-version': '2023-06-01' },
  read({ type, data }) {
    if (type === 'message_stop') return { event: null, isEnd: true }
    const { error } = JSON.parse(data) as { error?: { message: string } }
    if (type === 'error') throw new ProviderError(error?.message ?? 'The provider failed')
    return { event: { event: type, data }, isEnd: false }
  },
  words: {
    end: ({ reason }) =>
      reason === 'completed' || reason === 'cancelled'
        ? { event: 'message_stop', data: { type: 'message_stop' } }
        : null,
    failure: ({ message }) => ({
      event: 'error',
      data: { type: 'error', error: { type: 'api_error', message } },
    }),
  },
}

export const providers: Readonly<Record<'openai' | 'anthropic', Provider>> = { openai, anthropic }

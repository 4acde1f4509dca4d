/** What the tabs of this browser tell each other, beside the stream that they share. */
type TabNews =
  /** A tab was opened, and wants to know what it has missed. */
  | { readonly kind: 'opened' }
  | { readonly kind: 'network'; readonly isOn: boolean }
  /** The server wanted new credentials. `failure` says why there are none. */
  | { readonly kind: 'access'; readonly failure: string | undefined }
  /** The server lets this browser in again. */
  | { readonly kind: 'let-in' }

export interface TabChannel {
  /** Tells all other tabs. */
  post(news: TabNews): void
  on<Kind extends TabNews['kind']>(kind: Kind, listener: (news: TabNews & { kind: Kind }) => void): void
}

export function createTabChannel(): TabChannel {
  const channel = new BroadcastChannel('sse-toolkit-demo')
  return {
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none.
    post: (news) => channel.postMessage(news),
    on(kind, listener) {
      channel.addEventListener('message', ({ data }: MessageEvent<TabNews>) => {
        if (data.kind === kind) listener(data as TabNews & { kind: typeof kind })
      })
    },
  }
}

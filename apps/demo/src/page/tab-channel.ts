/** The messages that the tabs of this browser exchange in addition to the shared stream. */
type TabNews =
  /** A new tab asks for the state that it missed. */
  | { readonly kind: 'opened' }
  | { readonly kind: 'network'; readonly isOn: boolean }
  /** The server required new credentials. `failure` says why the page has none. */
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

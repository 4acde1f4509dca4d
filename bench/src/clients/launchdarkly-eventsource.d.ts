/** It has no types of its own: this is what is used of it. */
declare module 'launchdarkly-eventsource' {
  export class EventSource {
    constructor(url: string)
    addEventListener(type: 'message', listener: (event: { readonly data: string }) => void): void
    close(): void
  }
}

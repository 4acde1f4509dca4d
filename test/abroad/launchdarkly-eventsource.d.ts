/** It has no types of its own: this is what is used of it. */
declare module 'launchdarkly-eventsource' {
  export class EventSource {
    constructor(url: string)
    addEventListener(
      type: string,
      listener: (event: {
        readonly type: string
        readonly data: string
        readonly lastEventId: string
      }) => void,
    ): void
    close(): void
  }
}

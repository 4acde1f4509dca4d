/** What an `EventSource` and its events inherit from; the `imports` map of package.json has another module for React Native. */
export const EventTargetBase: typeof EventTarget = EventTarget
export const EventBase: typeof Event = Event

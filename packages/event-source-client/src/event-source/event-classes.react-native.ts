/*
 * React Native has had neither of these for long. There, everything else can be imported nevertheless, and `new EventSource`
 * says what it lacks.
 */
function Missing(): never {
  throw new TypeError('EventSource needs EventTarget and Event, which are not here. Use createEventSource.')
}

const platform = globalThis as { EventTarget?: typeof EventTarget; Event?: typeof Event }

export const EventTargetBase: typeof EventTarget =
  platform.EventTarget ?? (Missing as unknown as typeof EventTarget)
export const EventBase: typeof Event = platform.Event ?? (Missing as unknown as typeof Event)

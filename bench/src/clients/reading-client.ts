/** Opens the event stream at `url`, and calls `onData` with the data of each event. @returns what closes it. */
export type OpenClient = (url: string, onData: (data: string) => void) => () => void

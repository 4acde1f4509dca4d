import { AbstractChat, DefaultChatTransport } from 'ai'
import type { ChatState, ChatStatus, UIMessage } from 'ai'

class PageState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready'
  error: Error | undefined = undefined
  messages: UIMessage[]

  constructor(messages: UIMessage[]) {
    this.messages = messages
  }

  pushMessage = (message: UIMessage): void => {
    this.messages = [...this.messages, message]
  }

  popMessage = (): void => {
    this.messages = this.messages.slice(0, -1)
  }

  replaceMessage = (index: number, message: UIMessage): void => {
    this.messages = this.messages.with(index, message)
  }

  snapshot = <T>(thing: T): T => structuredClone(thing)
}

/** What `useChat` of the AI SDK is on a page: its own class, without a framework to render it. */
export class Page extends AbstractChat<UIMessage> {
  /** @param messages - what the application had saved when the page was opened. */
  constructor(url: string, chat: string, messages: UIMessage[] = []) {
    const transport = new DefaultChatTransport<UIMessage>({ api: new URL('/chat', url).href })
    super({ id: chat, transport, state: new PageState(messages) })
  }

  /** The text of the last message, if it is an answer. */
  get answer(): string {
    return this.parts.map(({ text }) => text).join('')
  }

  /** Whether the page shows the answer as complete, or as still being written. */
  get partStates(): readonly (string | undefined)[] {
    return this.parts.map(({ state }) => state)
  }

  private get parts(): readonly { readonly text: string; readonly state?: string }[] {
    const { role, parts = [] } = this.messages.at(-1) ?? {}
    return role === 'assistant' ? parts.filter((part) => part.type === 'text') : []
  }
}

import { createClient } from '@redis/client'

/**
 * Which answer of a chat was begun last. It is part of what an application keeps of a chat, in its database: here in memory, or
 * where there are two processes, in Redis.
 */
export interface ActiveAnswers {
  get(chat: string): Promise<string | null>
  set(chat: string, answer: string): Promise<void>
}

export async function openActiveAnswers(redisUrl: string | undefined): Promise<ActiveAnswers> {
  if (redisUrl === undefined) {
    const answers = new Map<string, string>()
    return {
      get: async (chat) => answers.get(chat) ?? null,
      set: async (chat, answer) => void answers.set(chat, answer),
    }
  }
  const client = await createClient({ url: redisUrl }).connect()
  return {
    get: (chat) => client.hGet('active-answers', chat),
    set: async (chat, answer) => void (await client.hSet('active-answers', chat, answer)),
  }
}

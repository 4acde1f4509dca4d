/**
 * Reads what a page has sent.
 *
 * @returns undefined if it is not JSON: that is the client's mistake, and to be said to it.
 * @throws whatever else befalls the reading, such as content that is too long.
 */
export async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json()
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

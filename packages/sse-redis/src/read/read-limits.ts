/** How many bytes one call reads: Redis runs nothing else meanwhile. */
export const budgetBytes = 1_048_576

/** As the position to read up to: everything. */
export const toTheEnd: string = String(Number.MAX_SAFE_INTEGER)

/** How an account is named in the keys of what is its own: each lane numbers its accounts by itself. */
export const accountNumberOf = (lane: number, accountId: number): string => `${lane}#${accountId}`

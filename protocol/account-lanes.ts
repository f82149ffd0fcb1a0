/** What an account is called in a lane that is not its home: a sub-account of its own, which only joining opens there. */
export const accountInLane = (account: string, lane: number): string => `${account}.lane-${lane}`

/** Whether a name is one that only joining a lane gives. */
export const isNameInLane = (account: string): boolean => /\.lane-[0-9]+$/.test(account)

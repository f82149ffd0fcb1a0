/** What an account is called in a lane that is not its home: a sub-account of its own, which only joining opens there. */
export const accountInLane = (account: string, lane: number): string => `${account}.lane-${lane}`

/** What all rows of an auction begin with. */
export const auctionKey = (lane: number, deliveryDate: string): string => `${lane}#${deliveryDate}`

import { createHash } from 'node:crypto'

/** Names on the wire (docs/protocol/orders.md): a label or a group of quotes is the first 8 bytes of its SHA-256, in hex. */
export const nameHash = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 16)

/** A self-trade group is the first 4 bytes, big-endian. 0 would be none: the one name in 2^32 that hashes to it is 1. */
export const selfTradeGroupOf = (name: string): number =>
  createHash('sha256').update(name).digest().readUInt32BE(0) || 1

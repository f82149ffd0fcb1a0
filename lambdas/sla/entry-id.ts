import type { PenaltyEntry } from '#domain/sla/penalty-ledger.ts'

/** Unique in the ledger, and the same for whoever posts it again. */
export const entryId = (contractId: string, { month, version, leg }: PenaltyEntry): string =>
  `${contractId}:${month}:${version}:${leg}`

import type { Priced } from '#domain/pricing/priced.ts'

export interface Skipped {
  /** Why this case is not answered. */
  readonly skipped: string
}

/** A number, or numbers by the names in `expected`. */
export type Answer = Priced<unknown> | Skipped

/** Up to where a lane is applied: always the end of an input record. */
export interface Position {
  /** 56 digits; empty before the first record. */
  readonly sequence: string
  readonly outSeq: number
  readonly chain: string
  /** Of the last leader whose record was applied; 0 before the first. */
  readonly epoch: number
}

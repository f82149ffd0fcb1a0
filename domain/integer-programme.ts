/**
 * A mixed-integer linear programme, and the kind of function that solves one. The domain states programmes; the solver is
 * handed in by whoever calls (`adapters/highs.ts` loads one), since loading it is input and output.
 *
 * Maximise costs·x over columnLower ≤ x ≤ columnUpper, rowLower ≤ A x ≤ rowUpper; A by rows: those of row i are
 * rowStarts[i] ≤ k < rowStarts[i + 1], column indices[k] with coefficient values[k].
 */
export interface IntegerProgramme {
  readonly costs: Float64Array
  readonly columnLower: Float64Array
  readonly columnUpper: Float64Array
  /** 1 where the column takes whole numbers only. */
  readonly isInteger: Uint8Array
  readonly rowLower: Float64Array
  readonly rowUpper: Float64Array
  readonly rowStarts: Int32Array
  readonly indices: Int32Array
  readonly values: Float64Array
  /** Ends as soon as bound − objective is at most this. */
  readonly absoluteGap: number
  /** Never seconds: the same programme ends at the same place on any machine, however busy. */
  readonly mostNodes: number
  readonly mostIterations: number
}

export interface ProgrammeAnswer {
  /** `limit`: a limit ended it; `failed`: the solver gave up for another reason, or there is no bound. */
  readonly status: 'optimal' | 'limit' | 'infeasible' | 'failed'
  /** The best point found; undefined where there is none. */
  readonly columns: Float64Array | undefined
  /** No feasible point is worth more, as far as the solver's tolerances go; −∞ where there is no feasible point. */
  readonly bound: number
  /** Of a programme without integers: what a unit more of each row is worth; else empty. */
  readonly rowDuals: Float64Array
  readonly nodes: number
  readonly iterations: number
}

export type SolveProgramme = (programme: IntegerProgramme) => ProgrammeAnswer

/** Collects a programme column by column and row by row. */
export class ProgrammeBuilder {
  private readonly costs: number[] = []
  private readonly columnLower: number[] = []
  private readonly columnUpper: number[] = []
  private readonly isInteger: number[] = []
  private readonly rowLower: number[] = []
  private readonly rowUpper: number[] = []
  private readonly rowStarts: number[] = [0]
  private readonly indices: number[] = []
  private readonly values: number[] = []

  /** Its index. */
  column(lower: number, upper: number, cost = 0, isInteger = false): number {
    this.costs.push(cost)
    this.columnLower.push(lower)
    this.columnUpper.push(upper)
    this.isInteger.push(isInteger ? 1 : 0)
    return this.costs.length - 1
  }

  /** Takes 0 or 1. */
  binary(cost = 0): number {
    return this.column(0, 1, cost, true)
  }

  /** Entries as column, coefficient, column, coefficient…; no column twice. */
  row(lower: number, upper: number, entries: readonly number[]): void {
    this.rowLower.push(lower)
    this.rowUpper.push(upper)
    for (let i = 0; i < entries.length; i += 2) {
      this.indices.push(entries[i] ?? 0)
      this.values.push(entries[i + 1] ?? 0)
    }
    this.rowStarts.push(this.indices.length)
  }

  get columns(): number {
    return this.costs.length
  }

  build(limits: {
    readonly absoluteGap: number
    readonly mostNodes: number
    readonly mostIterations: number
  }): IntegerProgramme {
    return {
      costs: Float64Array.from(this.costs),
      columnLower: Float64Array.from(this.columnLower),
      columnUpper: Float64Array.from(this.columnUpper),
      isInteger: Uint8Array.from(this.isInteger),
      rowLower: Float64Array.from(this.rowLower),
      rowUpper: Float64Array.from(this.rowUpper),
      rowStarts: Int32Array.from(this.rowStarts),
      indices: Int32Array.from(this.indices),
      values: Float64Array.from(this.values),
      ...limits,
    }
  }
}

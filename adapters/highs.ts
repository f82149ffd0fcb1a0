import highsModule, { type Highs, type Model } from 'highs'
import type { IntegerProgramme, ProgrammeAnswer, SolveProgramme } from '#domain/integer-programme.ts'

/**
 * HiGHS, compiled to WebAssembly: one thread, a fixed seed, no clock. Loaded once a process.
 * The file `highs.wasm` lies beside its loader in node_modules; a bundle has to carry it along.
 */
export const loadSolver = async (): Promise<SolveProgramme> => {
  loading ??= load()
  const highs = await loading
  return programme => solve(highs, programme)
}

let loading: Promise<Highs> | undefined

type Loader = typeof highsModule.default

/** The package's types are those of its CommonJS build, whose default export lies one deeper than that of the ES module. */
const isLoader = (value: unknown): value is Loader => typeof value === 'function'

const load = (): Promise<Highs> => {
  const loader: unknown = highsModule
  if (!isLoader(loader)) throw new TypeError('the package highs exports no loader')
  return loader()
}

const solve = (highs: Highs, programme: IntegerProgramme): ProgrammeAnswer =>
  highs.withModel(
    {
      numCols: programme.costs.length,
      numRows: programme.rowLower.length,
      sense: highs.constants.objectiveSense.maximize,
      colCost: programme.costs,
      colLower: programme.columnLower,
      colUpper: programme.columnUpper,
      rowLower: programme.rowLower,
      rowUpper: programme.rowUpper,
      matrix: {
        format: 'csr',
        numRows: programme.rowLower.length,
        numCols: programme.costs.length,
        starts: programme.rowStarts,
        indices: programme.indices,
        values: programme.values,
      },
      ...(programme.isInteger.includes(1) ? { integrality: Int32Array.from(programme.isInteger) } : {}),
    },
    model => run(highs, model, programme),
  )

const run = (highs: Highs, model: Model, programme: IntegerProgramme): ProgrammeAnswer => {
  model.options.set({
    output_flag: false,
    random_seed: 1,
    // With it HiGHS 1.15.3 called a wrong point optimal twice in some 15,000 small markets (also with other seeds; see
    // ERGO-Code/HiGHS issues 1725 and 2173), and our programmes, reduced when they are stated, are no faster for it.
    presolve: 'off',
    mip_rel_gap: 0,
    mip_abs_gap: programme.absoluteGap,
    mip_max_nodes: programme.mostNodes,
    simplex_iteration_limit: programme.mostIterations,
  })
  const isMixed = programme.isInteger.includes(1)
  let wasInterrupted = false
  model.run(
    isMixed
      ? {
          // The limit above is of each linear programme by itself; this one is of all of them.
          [highs.constants.callbackType.mipInterrupt]: event => {
            if ((event.data.mip_total_lp_iterations ?? 0n) <= BigInt(programme.mostIterations)) return
            wasInterrupted = true
            event.interrupt()
          },
        }
      : undefined,
  )
  const statuses = highs.constants.modelStatus
  const modelStatus = model.getModelStatus()
  if (modelStatus === statuses.infeasible || modelStatus === statuses.unboundedOrInfeasible)
    return { ...nothing, status: 'infeasible' }
  const hasPoint = Number(model.info.get('primal_solution_status')) === 2
  const isOptimal = modelStatus === statuses.optimal || modelStatus === statuses.empty
  const bound = isMixed ? Number(model.info.get('mip_dual_bound')) : isOptimal ? model.getObjectiveValue() : Infinity
  const isLimit = wasInterrupted || modelStatus === statuses.solutionLimit || modelStatus === statuses.iterationLimit
  const solution = hasPoint ? model.getSolution() : undefined
  return {
    status: isOptimal ? 'optimal' : isLimit ? 'limit' : 'failed',
    columns: solution?.colValue,
    bound,
    rowDuals: isMixed || solution === undefined || !isOptimal ? new Float64Array(0) : solution.rowDual,
    nodes: isMixed ? Math.max(0, Number(model.info.get('mip_node_count'))) : 0,
    iterations: Number(model.info.get('simplex_iteration_count')),
  }
}

const nothing = {
  columns: undefined,
  bound: -Infinity,
  rowDuals: new Float64Array(0),
  nodes: 0,
  iterations: 0,
} as const

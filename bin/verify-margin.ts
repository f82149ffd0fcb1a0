/**
 * `npm run verify-margin -- <file>`: computes the requirement of a margin statement (GET /api/v1/margin/statement) again and
 * says where it differs. Plain arithmetic on whole numbers of any size; nothing of the exchange's own margin code is used.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as z from 'zod'

const usage = `usage: npm run verify-margin -- <file>

The file is one account's margin statement, as GET /api/v1/margin/statement answers it. Exit code 0: every figure is as
computed here; 1: some are not, and are named; 2: the file is no margin statement.

How it is computed, micros throughout. For a lot of an instrument: gain[s] is what a long one gains in scenario s, mark what
it is worth now, price the order's. d is +1 for a buy and −1 for a sell.

  equity         cash − holds + Σ (size × mark − entry), collateral being positions of its assets with entry 0
  scan           the most that is lost in any scenario, or where nothing moves (gain 0), over every subset of open orders:
                 max over s of −(Σ size × gain[s] + Σ lots × min(0, d × gain[s] + d × (mark − price)) + lane credit[s])
  bounded        for each instrument with bounds in place of an array, the same over its two ends alone, summed
  short minimum  Σ over instruments of the lots that may be short × short_minimum_micros
  concentration  Σ over groups of the units beyond threshold_units × micros_per_unit, where an instrument counts with the
                 larger of what it would be long if all buys filled and short if all sells did
  fee reserve    Σ fee_reserve_micros of the orders
  requirement    scan + bounded + short minimum + concentration + fee reserve + quote reserve
`

const whole = z.number().refine(Number.isSafeInteger, 'not a whole number below 2^53')
const amount = whole.transform(BigInt)
const natural = whole.refine(value => value >= 0, 'below zero').transform(BigInt)

const statementSchema = z.object({
  format: z.literal('margin-statement/1'),
  scenario_set: z.object({ scenarios: z.array(z.object({ name: z.string() })) }),
  concentration_groups: z.array(z.object({ name: z.string(), threshold_units: natural, micros_per_unit: natural })),
  instruments: z.array(
    z.object({
      instrument_id: whole,
      instrument_name: z.string(),
      mark_micros: natural,
      micros_per_tick: natural,
      concentration_group: z.string(),
      concentration_units: natural,
      short_minimum_micros: natural,
      array_micros: z.array(amount).optional(),
      bounds_micros: z.tuple([natural, natural]).optional(),
    }),
  ),
  positions: z.array(z.object({ instrument_id: whole, size_lots: amount, entry_micros: amount })),
  orders: z.array(
    z.object({
      instrument_id: whole,
      direction: z.enum(['buy', 'sell']),
      price_ticks: natural,
      lots: natural,
      fee_reserve_micros: natural,
    }),
  ),
  cash_micros: amount,
  holds_micros: natural,
  quote_reserve_micros: natural,
  lane_credit_micros: z.array(amount).optional(),
  result: z.object({
    equity_micros: amount,
    scan_micros: amount,
    worst_scenario: z.string().nullable(),
    bounded_micros: amount,
    short_minimum_micros: amount,
    concentration_micros: amount,
    fee_reserve_micros: amount,
    quote_reserve_micros: amount,
    requirement_micros: amount,
  }),
})

type Statement = z.infer<typeof statementSchema>
type Instrument = Statement['instruments'][number]
type Figures = Omit<Statement['result'], 'worst_scenario'>

try {
  process.exitCode = main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 2
}

function main(): number {
  const { values, positionals } = parseArgs({ options: { help: { type: 'boolean' } }, allowPositionals: true })
  const [file, ...others] = positionals
  if (values.help || file === undefined || others.length > 0) throw new Error(usage)
  const parsed = statementSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file} is no margin statement:\n${z.prettifyError(parsed.error)}`)
  const statement = parsed.data
  const instruments = instrumentsOf(statement)
  const { figures, worst } = computed(statement, instruments)
  const faults: string[] = []
  for (const [name, value] of Object.entries(figures)) {
    const stated = statement.result[name as keyof Figures]
    if (stated !== value) faults.push(`${name}: stated ${stated}, computed ${value}, ${value - stated} more`)
  }
  // Several may be as bad: any of them may be named.
  if (!worst.includes(statement.result.worst_scenario))
    faults.push(`worst_scenario: stated ${statement.result.worst_scenario}, computed ${worst.join(' or ')}`)
  for (const fault of faults) console.log(fault)
  console.log(
    `requirement ${figures.requirement_micros} micros of equity ${figures.equity_micros}: ` +
      `${statement.positions.length} positions, ${statement.orders.length} orders, ` +
      `${statement.scenario_set.scenarios.length} scenarios, ${faults.length} differences`,
  )
  return faults.length === 0 ? 0 : 1
}

function instrumentsOf(statement: Statement): ReadonlyMap<number, Instrument> {
  const instruments = new Map<number, Instrument>()
  for (const instrument of statement.instruments) {
    const { instrument_id: id, array_micros: gains, bounds_micros: bounds } = instrument
    if (instruments.has(id)) throw new Error(`instrument ${id} is stated twice`)
    if ((gains === undefined) === (bounds === undefined)) throw new Error(`instrument ${id} needs an array or bounds`)
    if (gains !== undefined && gains.length !== statement.scenario_set.scenarios.length)
      throw new Error(
        `instrument ${id} has ${gains.length} gains for ${statement.scenario_set.scenarios.length} scenarios`,
      )
    instruments.set(id, instrument)
  }
  const { lane_credit_micros: credit } = statement
  if (credit !== undefined && credit.length !== statement.scenario_set.scenarios.length + 1)
    throw new Error('lane_credit_micros needs one amount for each scenario and a last one')
  const held = new Set<number>()
  for (const { instrument_id: id } of statement.positions) {
    if (held.has(id)) throw new Error(`the position in instrument ${id} is stated twice`)
    held.add(id)
  }
  for (const { instrument_id: id } of [...statement.positions, ...statement.orders])
    if (!instruments.has(id)) throw new Error(`instrument ${id} is not stated`)
  return instruments
}

function computed(
  statement: Statement,
  instruments: ReadonlyMap<number, Instrument>,
): { readonly figures: Figures; readonly worst: readonly (string | null)[] } {
  let equity = statement.cash_micros - statement.holds_micros
  for (const { instrument_id: id, size_lots: size, entry_micros: entry } of statement.positions)
    equity += size * instrumentOf(instruments, id).mark_micros - entry

  const scenarios = statement.scenario_set.scenarios
  const credit = statement.lane_credit_micros
  const losses: { readonly name: string | null; readonly loss: bigint }[] = [
    { name: null, loss: -outcome(statement, instruments, () => 0n) - (credit?.at(-1) ?? 0n) },
    ...scenarios.map(({ name }, s) => ({
      name,
      loss: -outcome(statement, instruments, gains => gains[s] ?? 0n) - (credit?.[s] ?? 0n),
    })),
  ]
  const scan = -losses.map(({ loss }) => -loss).reduce(lesser)

  let [bounded, short] = [0n, 0n]
  const units = new Map(statement.concentration_groups.map(({ name }) => [name, 0n]))
  for (const [id, instrument] of instruments) {
    const size = statement.positions.find(position => position.instrument_id === id)?.size_lots ?? 0n
    const orders = statement.orders.filter(order => order.instrument_id === id)
    const lotsOf = (direction: 'buy' | 'sell'): bigint =>
      orders.reduce((sum, order) => (order.direction === direction ? sum + order.lots : sum), 0n)
    const [long, shorted] = [size + lotsOf('buy'), lotsOf('sell') - size]
    if (shorted > 0n) short += shorted * instrument.short_minimum_micros
    const before = units.get(instrument.concentration_group)
    if (before === undefined) throw new Error(`concentration group ${instrument.concentration_group} is not stated`)
    units.set(
      instrument.concentration_group,
      before + (long > shorted ? long : shorted) * instrument.concentration_units,
    )
    if (instrument.bounds_micros === undefined) continue
    const ends = instrument.bounds_micros.map(end => {
      const gain = end - instrument.mark_micros
      return orders.reduce((sum, order) => sum + worstOf(order, gain, instrument), size * gain)
    })
    bounded -= ends.reduce(lesser)
  }
  let concentration = 0n
  for (const { name, threshold_units: threshold, micros_per_unit: rate } of statement.concentration_groups) {
    const beyond = (units.get(name) ?? 0n) - threshold
    if (beyond > 0n) concentration += beyond * rate
  }
  const fees = statement.orders.reduce((sum, order) => sum + order.fee_reserve_micros, 0n)
  return {
    figures: {
      equity_micros: equity,
      scan_micros: scan,
      bounded_micros: bounded,
      short_minimum_micros: short,
      concentration_micros: concentration,
      fee_reserve_micros: fees,
      quote_reserve_micros: statement.quote_reserve_micros,
      requirement_micros: scan + bounded + short + concentration + fees + statement.quote_reserve_micros,
    },
    worst: losses.filter(({ loss }) => loss === scan).map(({ name }) => name),
  }
}

/** What the positions gain in one state, with the worst subset of the open orders. */
function outcome(
  statement: Statement,
  instruments: ReadonlyMap<number, Instrument>,
  gainOf: (gains: readonly bigint[]) => bigint,
): bigint {
  let sum = 0n
  for (const { instrument_id: id, size_lots: size } of statement.positions) {
    const { array_micros: gains } = instrumentOf(instruments, id)
    if (gains !== undefined) sum += size * gainOf(gains)
  }
  for (const order of statement.orders) {
    const instrument = instrumentOf(instruments, order.instrument_id)
    const { array_micros: gains } = instrument
    if (gains !== undefined) sum += worstOf(order, gainOf(gains), instrument)
  }
  return sum
}

/** What an order adds at worst: its result if it fills, or nothing. */
function worstOf(order: Statement['orders'][number], gain: bigint, instrument: Instrument): bigint {
  const perLot = gain + instrument.mark_micros - order.price_ticks * instrument.micros_per_tick
  const result = order.lots * (order.direction === 'buy' ? perLot : -perLot)
  return result < 0n ? result : 0n
}

function instrumentOf(instruments: ReadonlyMap<number, Instrument>, id: number): Instrument {
  const instrument = instruments.get(id)
  if (instrument === undefined) throw new Error(`instrument ${id} is not stated`)
  return instrument
}

// Math.min takes no bigint.
function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a
  return b
}

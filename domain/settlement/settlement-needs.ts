import { readPayoff } from '../pricing/payoff-tree.ts'
import type { OptionTerms } from '../reference/contract-terms.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { Span } from './measured-windows.ts'
import type { SettlementName } from './settlement-name.ts'

/** A contract that is settled, and when it ended or the payment fell due: nothing later counts. */
export interface SettledContract extends SettlementName {
  readonly instrument: Instrument
  readonly listedAtMillis: number
  /** Of a final settlement the end of trading, at the latest the expiration; else when it fell due. */
  readonly asOfMillis: number
  /** It was taken from trading before its expiration. */
  readonly isDelisted: boolean
  /** Of a structured product: what has been paid of it. */
  readonly distributedTicks: number
}

/** Fixings from one instant up to and with another. */
export interface FixingSpan extends Span {
  readonly index: string
}

export interface SettlementNeeds {
  /** At most one span an index. */
  readonly fixings: readonly FixingSpan[]
  /** Windows that begin within. */
  readonly windows?: Span & { readonly series: string }
  /** The future whose settlement price it takes. */
  readonly future?: string
}

export const dayMillis = 86_400_000

export const dayOf = (millis: number): string => new Date(millis).toISOString().slice(0, 10)

/** Which observations a settlement may take into account. */
export const settlementNeeds = (contract: SettledContract): SettlementNeeds => {
  const { instrument, listedAtMillis, asOfMillis } = contract
  const { terms } = instrument
  const span = (fromMillis: number, toMillis = asOfMillis): Span => ({ fromMillis, toMillis })
  switch (terms.kind) {
    case 'future':
      return { fixings: [{ index: terms.index, ...span(terms.averagingStartMillis) }] }
    case 'option':
      return optionNeeds(terms, listedAtMillis, asOfMillis)
    case 'swap': {
      const [fromMillis, endMillis] = legSpan(contract)
      // A leg ends where the next begins: that fixing is the next one's.
      return { fixings: [{ index: terms.index, ...span(fromMillis, endMillis - 1) }] }
    }
    case 'variance_swap':
      return { fixings: [{ index: terms.index, ...span(terms.observationStartMillis) }] }
    case 'structured_product':
      // A distribution is due when the day of its payment is over.
      return { fixings: payoffSpans(terms.payoff, contract.kind === 'final' ? asOfMillis : asOfMillis - 1) }
    case 'collateral':
      return { fixings: [] }
    default:
      return { fixings: [], windows: { series: terms.series, ...span(terms.periodStartMillis) } }
  }
}

const optionNeeds = (terms: OptionTerms, listedAtMillis: number, asOfMillis: number): SettlementNeeds => {
  const { index, averagingStartMillis, underlyingInstrument, barrier } = terms
  const starts = [
    ...(averagingStartMillis === undefined ? [] : [averagingStartMillis]),
    ...(barrier === undefined ? [] : [listedAtMillis]),
  ]
  return {
    fixings: starts.length === 0 ? [] : [{ index, fromMillis: Math.min(...starts), toMillis: asOfMillis }],
    ...(underlyingInstrument === undefined ? {} : { future: underlyingInstrument }),
  }
}

/** Beginning and end of the leg that a settlement of a swap pays; the final one pays the last. */
export const legSpan = ({ instrument: { terms }, kind, number }: SettledContract): readonly [number, number] => {
  if (terms.kind !== 'swap') throw new Error(`a ${terms.kind} has no legs`)
  const { boundariesMillis } = terms
  const leg = kind === 'leg' ? number : boundariesMillis.length - 1
  const [start, end] = [boundariesMillis[leg - 1], boundariesMillis[leg]]
  if (start === undefined || end === undefined) throw new Error(`the swap has no leg ${leg}`)
  return [start, end]
}

const payoffSpans = (payoff: unknown, asOfMillis: number): readonly FixingSpan[] => {
  const tree = readPayoff(payoff)
  if (!tree.priced) return []
  const spans = new Map<string, FixingSpan>()
  for (const { index, date } of tree.value.observations) {
    const fromMillis = Date.parse(date)
    const toMillis = Math.min(fromMillis + dayMillis - 1, asOfMillis)
    if (toMillis < fromMillis) continue
    const known = spans.get(index)
    spans.set(index, {
      index,
      fromMillis: Math.min(fromMillis, known?.fromMillis ?? fromMillis),
      toMillis: Math.max(toMillis, known?.toMillis ?? toMillis),
    })
  }
  return [...spans.values()]
}

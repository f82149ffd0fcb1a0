import { type SettlementKind, settlementKinds } from '../trading/commands.ts'

/** How far a settlement has come, in this order; the last two are ends, and what failed may be started again. */
export const settlementStates = ['collecting', 'computed', 'posted', 'settled', 'failed'] as const
export type SettlementState = (typeof settlementStates)[number]

/** A settlement within its market. Legs and distributions count from 1, variations by UTC day; the final one is 0. */
export interface SettlementName {
  readonly kind: SettlementKind
  readonly number: number
}

export const finalSettlement: SettlementName = { kind: 'final', number: 0 }

/** As text that sorts by number within its kind: `final`, `leg#0001`, `variation#020415`. */
export const settlementText = ({ kind, number }: SettlementName): string =>
  kind === 'final' ? kind : `${kind}#${String(number).padStart(kind === 'variation' ? 6 : 4, '0')}`

/** Undefined where the text names none. */
export const settlementNamed = (text: string): SettlementName | undefined => {
  const [word, digits = '0'] = text.split('#')
  const kind = settlementKinds.find(each => each === word)
  const number = Number(digits)
  return kind !== undefined && settlementText({ kind, number }) === text ? { kind, number } : undefined
}

import { type ContractSpecification, plainFuture } from '#domain/reference/instrument.ts'
import type { Command } from '#domain/trading/commands.ts'
import { createEngine, type Engine, restoreEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { deepFrozen } from '#test/support/deep-frozen.ts'
import { marketMillis, nextCommandId, testSpecification, usd } from './tape.ts'

type Unnamed<Each> = Each extends { readonly commandId: string } ? Omit<Each, 'commandId'> : never

/** Parts in a million: of 1 USD a cent. */
export const commission = 10_000
const hourMillis = 3_600_000
const expirationMillis = Math.ceil(marketMillis / hourMillis) * hourMillis + hourMillis
const instant = (millis: number): string => new Date(millis).toISOString()

/** One lot of one tick is a dollar; delivered in the two hours after its end. */
export const physicalSpecification = (penaltyPpm = 100_000): ContractSpecification => ({
  ...testSpecification,
  ...plainFuture,
  settlement: 'physical',
  expirationMillis,
  terms: JSON.stringify({
    delivery: {
      start: instant(expirationMillis),
      end: instant(expirationMillis + 2 * hourMillis),
      penalty_ppm: penaltyPpm,
    },
  }),
})

/** Four firms' accounts with 1,000 USD each, and one future that is delivered (1), by the rules of version 5. */
export const openHall = (more: Partial<ContractSpecification> = {}, version = 5) => {
  let engine: Engine = createEngine(1)
  let now = marketMillis
  const enter = (command: Unnamed<Command>): Event[] =>
    engine.enter({ ...command, commandId: nextCommandId() } as Command, now)
  const before: Event[] = []
  before.push(...enter({ type: 'activate-engine-version', version }))
  for (const accountId of [1, 2, 3, 4]) {
    before.push(...enter({ type: 'open-account', account: `a${accountId}`, firm: '' }))
    before.push(...enter({ type: 'deposit', accountId, amountMicros: 1_000 * usd }))
  }
  const listed = enter({ type: 'list-instrument', specification: { ...physicalSpecification(), ...more } })
  return {
    enter,
    /** All that was told until it stood open. */
    before: [...before, ...listed],
    listed,
    snapshot: () => engine.snapshot(),
    restart: () => {
      engine = restoreEngine(JSON.parse(JSON.stringify(deepFrozen(engine.snapshot()))))
    },
    figuresOf: (accountId: number) => engine.marginOf(accountId),
    /** The refusal, or what is told first. */
    said: ([first]: readonly Event[]): string =>
      first !== undefined && 'code' in first ? first.code : (first?.type ?? ''),
    close: (gateName: string) => enter({ type: 'set-gate', gateName, state: 'closed' }),
    /** Beyond the future's end. */
    advance: () => {
      now = expirationMillis + 1
    },
    expire: (instrumentId: number) => {
      now = expirationMillis + 1
      return enter({ type: 'expire-instrument', instrumentId })
    },
  }
}

import fc from 'fast-check'
import { defineInstrument, type Instrument } from '#domain/reference/instrument.ts'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'
import { marketMillis, testSpecification } from './tape.ts'

/** A small exchange, so that random commands meet: three accounts, one of them poor, two instruments, twelve prices. */
const highestTicks = 12
export const depositsMicros = [4_000, 1_200, 90]
const specifications = [
  {
    ...testSpecification,
    instrumentName: 'A-1',
    tickSize: '0.000001',
    maxPrice: '0.000012',
    takerCommissionPpm: 50_000,
    makerCommissionPpm: 20_000,
  },
  // A maker's fee above the taker's, and so high that better prices and rounding matter.
  {
    ...testSpecification,
    instrumentName: 'B-1',
    tickSize: '0.000003',
    maxPrice: '0.000036',
    makerCommissionPpm: 300_000,
    takerCommissionPpm: 0,
  },
]

export const instruments: readonly Instrument[] = specifications.flatMap((specification, index) => {
  const defined = defineInstrument(specification, index + 1, 1)
  return defined.accepted ? [defined.value] : []
})

const id = (kind: string, n: number): string => `01900000-0000-7${kind}-8000-${n.toString(16).padStart(12, '0')}`

export const openingCommands: readonly Command[] = [
  ...depositsMicros.flatMap((amountMicros, index): Command[] => [
    { type: 'open-account', commandId: id('a00', index), account: `account-${index}`, firm: '' },
    { type: 'deposit', commandId: id('b00', index), accountId: index + 1, amountMicros },
  ]),
  ...specifications.map(
    (specification, index): Command => ({ type: 'list-instrument', commandId: id('c00', index), specification }),
  ),
]

const accountId = fc.integer({ min: 1, max: depositsMicros.length })
const lots = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: -1, max: 0 }) },
)
const ticks = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1, max: highestTicks }) },
  { weight: 1, arbitrary: fc.integer({ min: -1, max: highestTicks + 1 }) },
)

/** Refers to one of the orders before it, so that shrinking keeps a sequence meaningful. */
const earlier = fc.nat({ max: 25 })

const place = fc.record({
  kind: fc.constant('place' as const),
  accountId,
  instrumentId: fc.oneof({ weight: 30, arbitrary: fc.constantFrom(1, 2) }, { weight: 1, arbitrary: fc.constant(3) }),
  direction: fc.constantFrom('buy' as const, 'sell' as const),
  type: fc.constantFrom(
    'resting' as const,
    'resting' as const,
    'resting' as const,
    'immediate' as const,
    'market' as const,
  ),
  ticks,
  lots,
})
const cancel = fc.record({ kind: fc.constant('cancel' as const), earlier, foreign: fc.nat({ max: 9 }) })
const amend = fc.record({
  kind: fc.constant('amend' as const),
  earlier,
  foreign: fc.nat({ max: 9 }),
  ticks: fc.oneof(fc.constant(0), ticks),
  lots: fc.oneof(fc.constant(0), lots),
})

/** Orders, cancels and amends as a list of commands, each with an id of its own. */
export const commandSequence = (
  maxLength: number,
): fc.Arbitrary<(Command & { type: 'place-order' | 'cancel-order' | 'amend-order' })[]> =>
  fc
    .array(
      fc.oneof({ weight: 6, arbitrary: place }, { weight: 1, arbitrary: cancel }, { weight: 2, arbitrary: amend }),
      {
        minLength: 1,
        maxLength,
        size: 'max',
      },
    )
    .map(intents => {
      const placed: { orderId: string; accountId: number }[] = []
      return intents.map((intent, index) => {
        const commandId = id('d00', index)
        if (intent.kind === 'place') {
          placed.push({ orderId: commandId, accountId: intent.accountId })
          return {
            type: 'place-order',
            orderId: commandId,
            accountId: intent.accountId,
            instrumentId: intent.instrumentId,
            specificationVersion: 1,
            direction: intent.direction,
            orderType: intent.type === 'market' ? 'market' : 'limit',
            timeInForce: intent.type === 'resting' ? 'good_til_cancelled' : 'immediate_or_cancel',
            priceTicks: intent.type === 'market' ? 0 : intent.ticks,
            quantityLots: intent.lots,
            clientOrderId: '',
            ...plainInstructions,
          }
        }
        const target = placed[Math.max(0, placed.length - 1 - intent.earlier)]
        const orderId = target?.orderId ?? id('e00', index)
        // One in ten asks for another account's order.
        const owner = target?.accountId ?? 1
        const asking = intent.foreign === 0 ? (owner % depositsMicros.length) + 1 : owner
        return intent.kind === 'cancel'
          ? { type: 'cancel-order', commandId, accountId: asking, orderId }
          : {
              type: 'amend-order',
              commandId,
              accountId: asking,
              orderId,
              priceTicks: intent.ticks,
              quantityLots: intent.lots,
            }
      })
    })

export const commandsMillis = marketMillis

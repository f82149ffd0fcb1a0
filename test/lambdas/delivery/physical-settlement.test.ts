import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { getDelivery, openDeliveries } from '#adapters/tables/deliveries.ts'
import { type Behaviour, behaviours } from '#bin/provisioning/stand-in.ts'
import { failed } from '#test/local/surroundings.ts'
import { openDeliveryFloor } from '#test/support/delivery-floor.ts'

const start = Date.parse('2030-11-25T10:00:00Z')
const deposit = 1_000_000_000_000
/** 4 units bought at 2.10 and settled at 2: what the buyer has lost by that. */
const settled = 400_000
const invoice = 8_000_000
let floor: Awaited<ReturnType<typeof openDeliveryFloor>>

beforeAll(async () => {
  floor = await openDeliveryFloor(start)
}, 60_000)
beforeEach(() => floor.reset(), 30_000)
afterEach(() => floor.end())

const owed = async (lots = 4): Promise<void> => {
  const instrumentId = await floor.list()
  floor.trade(instrumentId, 210, lots)
  await floor.expire(instrumentId)
  await floor.sweep()
}

/** By attempt; the last also of those after it. */
const behave = (...told: readonly Behaviour[]): void =>
  floor.behave(({ attempt, step }) =>
    step === 'release' ? 'succeed' : (told[Math.min(attempt, told.length) - 1] ?? 'succeed'),
  )

const detail = z.object({
  delivery_id: z.string(),
  delivery_state: z.string(),
  children: z.array(z.object({ amount: z.string(), child_state: z.string(), attempt: z.number() })),
  imbalance: z.object({ price: z.string(), source: z.string() }).nullable(),
  payments: z.array(
    z.object({ outcome: z.string(), amount: z.string(), invoice: z.string(), compensation: z.string() }),
  ),
  timeline: z.array(z.object({ delivery_state: z.string(), reason: z.string().nullable(), amount: z.string() })),
})
const only = async (): Promise<z.infer<typeof detail>> => {
  const [first, ...more] = await floor.deliveries()
  expect(more).toEqual([])
  return detail.parse(await floor.delivery(first?.['delivery_id']))
}
const states = (told: z.infer<typeof detail>): readonly string[] =>
  told.timeline.map(({ delivery_state, reason }) => (reason === null ? delivery_state : `${delivery_state} ${reason}`))
/** What buyer and seller have gained since their deposits, without what the future itself has moved. */
const gains = () =>
  floor.snapshot().accounts.map(({ cashMicros }, at) => cashMicros - deposit + (at === 0 ? settled : -settled))

const tidy = async (): Promise<void> => {
  expect([floor.complaints(), floor.failures, floor.held()]).toEqual([[], [], []])
  expect(await openDeliveries(1)).toEqual({ obligations: [], deliveries: [] })
}

describe('physical-settlement', () => {
  test('delivers, meters and settles what is provisioned', async () => {
    await owed()
    await floor.settle()
    const told = await only()
    expect(states(told)).toEqual([
      'matched',
      'nominated',
      'reserved',
      'provisioning',
      'delivered',
      'metered',
      'settled',
    ])
    expect(floor.ends()).toEqual({ [told.delivery_id]: 'SUCCEEDED' })
    expect(gains()).toEqual([-invoice, invoice])
    expect(told.payments).toMatchObject([{ outcome: 'delivered', amount: '4', invoice: '8', compensation: '0' }])
    expect(told.children).toEqual([])
    await tidy()
  }, 60_000)

  test('an attempt that fails is cured by another one', async () => {
    behave('fail', 'slow')
    await owed()
    await floor.settle()
    const told = await only()
    expect(states(told).slice(3)).toEqual([
      'provisioning',
      'failed boot-failed',
      'nominated',
      'reserved',
      'provisioning',
      'delivered',
      'metered',
      'settled',
    ])
    expect(gains()).toEqual([-invoice, invoice])
    await tidy()
  }, 60_000)

  test('what fails to the last is paid in cash: the price at which it is missing, and the penalty', async () => {
    behave('decline', 'die', 'fail')
    await owed()
    floor.at(floor.now() + 1_000)
    await floor.fix('3')
    await floor.settle()
    const told = await only()
    expect(told).toMatchObject({ delivery_state: 'cash_settled', imbalance: { price: '3' } })
    expect(states(told).filter(state => state.startsWith('failed'))).toEqual([
      'failed no-capacity',
      'failed no-answer',
      'failed boot-failed',
      'failed attempts-used-up',
    ])
    // 4 units at 1 USD more, and a tenth of the invoice; the buyer pays nothing.
    expect(gains()).toEqual([4_800_000, -4_800_000])
    expect(told.payments).toMatchObject([{ outcome: 'undelivered', amount: '4', invoice: '0', compensation: '4.8' }])
    await tidy()
  }, 60_000)

  test('what is delivered in part is split, and each part ends by itself', async () => {
    behave('partial', 'fail')
    await owed()
    await floor.settle()
    const told = await only()
    expect(told.delivery_state).toBe('split')
    expect(told.children).toMatchObject([
      { amount: '2', child_state: 'settled', attempt: 1 },
      { amount: '2', child_state: 'cash_settled', attempt: 0 },
    ])
    expect(gains()).toEqual([-4_000_000 + 400_000, 4_000_000 - 400_000])
    await tidy()
  }, 60_000)

  test('what was not there for all of the period was not delivered', async () => {
    behave('short')
    await owed()
    await floor.settle()
    const told = await only()
    expect([told.delivery_state, told.children.map(({ child_state }) => child_state)]).toEqual([
      'split',
      ['settled', 'cash_settled'],
    ])
    await tidy()
  }, 60_000)

  test('an answer counts once, and not when nobody waits any more', async () => {
    behave('repeat')
    await owed()
    await floor.settle()
    expect((await only()).delivery_state).toBe('settled')
    expect(new Set(floor.refusals())).toEqual(new Set(['callback-repeated']))
    await tidy()
  }, 60_000)

  test('a late answer is refused, and what it was about is given back', async () => {
    behave('late', 'succeed')
    await owed()
    await floor.settle()
    const told = await only()
    expect(states(told)).toContain('failed no-answer')
    expect(told.delivery_state).toBe('settled')
    await tidy()
  }, 60_000)

  test('an execution that broke is begun again and goes on where it was', async () => {
    await owed()
    floor.interfere(name => (name === 'confirm-delivery' ? Promise.resolve(failed('Broken')) : undefined))
    await floor.settle()
    const { delivery_id } = await only()
    expect(floor.ends()).toEqual({ [delivery_id]: 'FAILED NotDelivered' })
    expect(await getDelivery(delivery_id)).toMatchObject({ state: 'metered', failure: 'Broken: as the test wants it' })
    floor.interfere(() => undefined)
    await floor.sweep()
    expect(floor.started()).toEqual([delivery_id])
    floor.at(floor.now() + 15 * 60_000)
    await floor.sweep()
    await floor.settle()
    expect(floor.started()).toEqual([delivery_id, `${delivery_id}-2`])
    expect(states(await only())).toHaveLength(7)
    expect(gains()).toEqual([-invoice, invoice])
    await tidy()
  }, 60_000)

  test('a start that the table’s stream has lost is found by the sweep', async () => {
    floor.loseStream()
    await owed()
    expect(floor.started()).toEqual([])
    floor.at(floor.now() + 60_000)
    await floor.sweep()
    expect(floor.started()).toHaveLength(1)
    await floor.settle()
    expect((await only()).delivery_state).toBe('settled')
  }, 60_000)
})

/** 1,000: `DELIVERIES=1000 npm test -- test/lambdas/delivery/physical-settlement.test.ts`. */
const many = Number(process.env['DELIVERIES'] ?? 100)

/** Of numbers from 0 to 1, the same for each run. */
const randomFrom = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe(`${many} deliveries with random faults`, () => {
  test('each ends once, money is conserved, nothing is left behind, nobody is paid twice', async () => {
    const random = randomFrom(8)
    const sides = Math.ceil(many / 2)
    await floor.end()
    const names = Array.from({ length: 2 * sides }, (_, at) => `t-${at + 1}`)
    await floor.reset(names, deposit)
    const instrumentId = await floor.list()
    for (let at = 0; at < sides; at++)
      floor.trade(instrumentId, 150 + Math.floor(random() * 100), 1 + Math.floor(random() * 9), at + 1, 2 * sides - at)
    floor.behave(() =>
      random() < 0.3 ? 'succeed' : (behaviours[Math.floor(random() * behaviours.length)] ?? 'succeed'),
    )
    floor.interfere((_, run) => {
      const chance = random()
      if (chance < 0.02) return Promise.resolve(failed('Lost'))
      return chance < 0.04 ? run().then(() => failed('Unheard')) : undefined
    })
    await floor.expire(instrumentId)
    const before = floor.snapshot().accounts.map(({ cashMicros }) => cashMicros)
    await floor.sweep()
    const paid = floor.snapshot().accounts.map(({ cashMicros }) => cashMicros)
    expect(paid.reduce((sum, each) => sum + each, 0)).toBe(before.reduce((sum, each) => sum + each, 0))

    await floor.settle(10)
    await floor.restart()
    for (let round = 0; round < 8; round++) {
      await floor.settle(3_000)
      floor.at(floor.now() + 16 * 60_000)
      await floor.sweep()
    }

    const obligated = floor.events().filter(event => event.type === 'delivery-obligated')
    expect(obligated.length).toBeGreaterThan(many / 2)
    expect(floor.failures).toEqual([])
    expect(await openDeliveries(1)).toEqual({ obligations: [], deliveries: [] })
    expect(floor.held()).toEqual([])
    const expected = [...paid]
    const ends = new Map<string, number>()
    const heads = (await floor.tables.items('deliveries')).filter(({ row }) => row === 'head')
    expect(heads).toHaveLength(obligated.length)
    for (const { delivery_id } of heads) {
      const head = await getDelivery(String(delivery_id))
      if (head === undefined) throw new Error('a head is gone')
      ends.set(head.state, (ends.get(head.state) ?? 0) + 1)
      expect(head.parts.reduce((sum, { lots }) => sum + lots, 0)).toBe(head.lots)
      for (const { lots, state } of head.parts) {
        const worth = lots * head.priceTicks * head.microsPerTickLot
        const fromBuyer =
          state === 'settled'
            ? worth
            : -(
                lots * Math.max(0, (head.imbalance?.priceTicks ?? 0) - head.priceTicks) * head.microsPerTickLot +
                worth / 10
              )
        expected[head.buyAccountId - 1] = (expected[head.buyAccountId - 1] ?? 0) - fromBuyer
        expected[head.sellAccountId - 1] = (expected[head.sellAccountId - 1] ?? 0) + fromBuyer
      }
    }
    expect([...ends.keys()].every(state => ['settled', 'cash_settled', 'split'].includes(state))).toBe(true)
    expect(ends.size).toBeGreaterThan(1)
    const { accounts } = floor.snapshot()
    expect(accounts.map(({ cashMicros }) => cashMicros)).toEqual(expected)
    expect(floor.snapshot().deliveries ?? []).toEqual([])
    console.info(`${obligated.length} deliveries: ${JSON.stringify(Object.fromEntries(ends))}`)
  }, 1_200_000)
})

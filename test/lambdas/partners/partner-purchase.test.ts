import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { hourMillis } from '#domain/partners/catalogue.ts'
import { cashAtFirst, openPartnerFloor } from '#test/support/partner-floor.ts'

/** The workflow's own document over its own steps, real tables, the real engine and a partner over HTTP. */

const floor = await openPartnerFloor()
const { getLot, hoursOfLot, moveUnits } = await import('#adapters/tables/partner-inventory.ts')
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

const usd = 1_000_000
const { hour, contract, buy, purchases, inventory, quote } = floor
/** Units of the contract's lot in the hours that are bought, all alike. */
const leftOf = async (contractId: string, hours = 4) => {
  const lot = await getLot(contractId)
  if (lot === undefined) throw new Error('the contract has no lot')
  const fromMillis = Date.parse(hour(1))
  const found = await hoursOfLot(lot, { fromMillis, untilMillis: fromMillis + hours * hourMillis })
  return [...new Set(found.map(({ available, reserved }) => `${available}+${reserved}`))]
}
describe('a purchase', () => {
  test('from a contract: the money is held, the units taken, booked, and paid', async () => {
    const contractId = await contract(10)
    const answered = await buy('alice', `contract:${contractId}`, 3)
    expect(answered.status).toBe(202)
    expect(answered.body).toMatchObject({ purchase_state: 'pending', cost: '24', parts: [{ units: 3, lot_id: null }] })
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await purchases('alice')).toMatchObject([{ purchase_state: 'completed', failure: null }])
    expect(await floor.money('alice')).toEqual([cashAtFirst - 24 * usd, 0])
    expect(await leftOf(contractId)).toEqual(['7+3'])
    expect(await inventory('alice')).toMatchObject([
      { kind: 'purchase', units: 3, price: '2', unit_hours: { available: 12, reserved: 0, delivered: 0, expired: 0 } },
    ])
    expect(floor.called()).toEqual([
      'hold-purchase-money',
      'reserve-with-partner',
      'book-purchase',
      'capture-purchase-money',
    ])
  })

  test('from a quote of a partner: it is reserved there, under an id of ours', async () => {
    floor.partner.quotes = [quote()]
    await buy('alice', 'gcp:quote:q1', 5)
    await floor.settle()
    const [purchase] = await purchases('alice')
    expect(purchase).toMatchObject({
      purchase_state: 'completed',
      parts: [{ partner_reference: expect.stringMatching(/^R-/) }],
    })
    // By the id of the lot that it becomes.
    expect(purchase?.['parts']).toMatchObject(floor.partner.reserved().map(id => ({ lot_id: id })))
    expect(await floor.money('alice')).toEqual([cashAtFirst - 40 * usd, 0])
  })

  test('of what best-price has split over a contract’s hours, a quote and a list price: all in one', async () => {
    const contractId = await contract(10)
    await buy('bob', `contract:${contractId}`, 4, { starts_at: hour(3) })
    await floor.settle()
    floor.partner.quotes = [quote({ available_units: 1, price: '2.5' })]
    await floor.catalogue('gcp', [[new Date(floor.now()).toISOString().slice(0, 10), '4', '3', null, null]])
    const found = await floor.request('find-best-price', {
      as: { account: 'alice' },
      query: {
        quantity: '12',
        region: 'USE,us-central1',
        starts_at: hour(1),
        ends_at: hour(5),
        gpus: '1',
        purchasable: 'true',
      },
    })
    const { body } = found
    const parts = z.object({ parts: z.array(z.record(z.string(), z.unknown())) }).parse(body['purchase'])
    const answered = await floor.buyAll('alice', parts.parts, 'split')
    expect(answered.body).toMatchObject({ purchase_state: 'pending', cost: body['cost'] })
    await floor.settle()
    const [purchase] = await purchases('alice')
    expect(purchase).toMatchObject({ purchase_state: 'completed', failure: null })
    // Ten units, then six of the contract; one quoted; the rest from the list.
    const units = z.array(z.object({ units: z.number(), offer_id: z.string() })).parse(purchase?.['parts'])
    expect(units.map(each => [each.offer_id.split(':')[1], each.units])).toEqual([
      [contractId, 10],
      [contractId, 6],
      ['quote', 1],
      ['us-central1', 1],
      ['us-central1', 5],
    ])
    const cost = (10 * 2 + 6 * 2) * 2 + 4 * 2.5 + (1 * 3 + 5 * 3) * 2
    expect(body['cost']).toBe(String(cost))
    expect(await floor.money('alice')).toEqual([cashAtFirst - cost * usd, 0])
    expect((await inventory('alice')).map(lot => lot['units']).toSorted()).toEqual([1, 1, 10, 5, 6])
    expect(await leftOf(contractId)).toEqual(['0+10'])
    expect(floor.partner.reserved()).toHaveLength(3)
    // One hold, one payment.
    expect(floor.called().filter(name => name === 'capture-purchase-money')).toHaveLength(2)
  })

  test('of what two others have offered: each of them is paid for its own', async () => {
    const contractId = await contract(10)
    for (const [seller, units] of [
      ['alice', 2],
      ['carol', 3],
    ] as const)
      await buy(seller, `contract:${contractId}`, units, { ends_at: hour(20) })
    await floor.settle()
    await floor.sweep()
    const lots = [...(await inventory('alice')), ...(await inventory('carol'))]
    const before = await Promise.all((['alice', 'carol'] as const).map(floor.money))
    await floor.buyAll('bob', [
      ...lots.map(lot => floor.part(`lot:${lot['lot_id']}`, Number(lot['units']), { price: '1' })),
      floor.part(`contract:${contractId}`, 1),
    ])
    await floor.settle()
    expect(await purchases('bob')).toMatchObject([{ purchase_state: 'completed', cost: '28' }])
    expect(await floor.money('bob')).toEqual([cashAtFirst - 28 * usd, 0])
    const after = await Promise.all((['alice', 'carol'] as const).map(floor.money))
    expect(after.map(([cash], index) => cash - (before[index]?.[0] ?? 0))).toEqual([8 * usd, 12 * usd])
  })

  test('repeated under its name it is that purchase; another one under it is a conflict', async () => {
    const contractId = await contract(10)
    const first = await buy('alice', `contract:${contractId}`, 3)
    const again = await buy('alice', `contract:${contractId}`, 3)
    expect(again.body['purchase_id']).toBe(first.body['purchase_id'])
    expect((await buy('alice', `contract:${contractId}`, 4)).body['code']).toBe('idempotency-conflict')
    await floor.settle()
    expect((await buy('alice', `contract:${contractId}`, 3)).body).toMatchObject({ purchase_state: 'completed' })
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await leftOf(contractId)).toEqual(['7+3'])
  })

  test('a commitment is paid, and had, for all of its term', async () => {
    const { putProduct } = await import('#adapters/tables/partner-offers.ts')
    const { completeCatalogue, getCatalogue, putCatalogue } = await import('#adapters/tables/partner-catalogues.ts')
    const importId = '01900000-0000-7000-8000-00000000abcd'
    await putCatalogue(
      {
        provider: 'gcp',
        importId,
        state: 'open',
        fileName: 'f',
        startedAtMillis: floor.now(),
        startedBy: 'house',
        expected: { products: 1, rows: 1, screened: 0 },
        bodyHash: '',
      },
      'r',
    )
    const micros = { on_demand: 2 * usd, spot: null, commitment_1y: usd, commitment_3y: null }
    await putProduct(
      {
        importId,
        product: 'a3-highgpu-1g',
        resourceClass: 'H100',
        region: 'us-central1',
        vector: { gpus: 1, vcpus: 26, memoryGib: 234, storageTib: 0 },
        history: [{ fromMillis: floor.now() - 86_400_000, micros }],
      },
      floor.now(),
    )
    const row = await getCatalogue('gcp', importId)
    if (row === undefined) throw new Error('there is no import')
    await completeCatalogue(row, floor.now())
    await buy('alice', 'gcp:us-central1:a3-highgpu-1g:commitment_1y', 1)
    await floor.settle()
    expect(await floor.money('alice')).toEqual([cashAtFirst - 8_760 * usd, 0])
    const [lot] = await inventory('alice')
    expect(Date.parse(String(lot?.['ends_at'])) - Date.parse(String(lot?.['starts_at']))).toBe(8_760 * hourMillis)
  })
})

describe('refused, and nothing is stored', () => {
  const nothing = async () => {
    await floor.settle()
    expect([floor.ends(), await purchases('alice'), await inventory('alice')]).toEqual([[], [], []])
    expect(await floor.money('alice')).toEqual([cashAtFirst, 0])
  }

  test('windows that end before they start, are over, or too long', async () => {
    const contractId = await contract(10)
    for (const window of [
      { starts_at: hour(5), ends_at: hour(1) },
      { starts_at: hour(2), ends_at: hour(2) },
      { starts_at: hour(-3), ends_at: hour(2) },
      { starts_at: hour(1), ends_at: hour(24 * 200) },
    ])
      expect((await buy('alice', `contract:${contractId}`, 1, window)).body['code']).toBe('capacity-window-invalid')
    await nothing()
  })

  test('another account’s contract, and offers that are none', async () => {
    const contractId = await contract(10, { is_shared: false }, 'bob')
    for (const offerId of [
      `contract:${contractId}`,
      'contract:01900000-0000-7000-8000-00000000ffff',
      'gcp:quote:none',
      'gcp:USE:none:spot',
      'lot:01900000-0000-7000-8000-00000000ffff',
      'nobody:1',
    ])
      expect((await buy('alice', offerId, 1)).status).toBe(404)
    expect(
      (await floor.request('get-partner-contract', { as: { account: 'alice' }, path: { contract_id: contractId } }))
        .status,
    ).toBe(404)
    await nothing()
  })

  test('more than the offer has; fewer than it sells; an expired or dearer quote; a partner without a service', async () => {
    const contractId = await contract(10, { minimum_units: 2 })
    expect((await buy('alice', `contract:${contractId}`, 11)).body).toMatchObject({
      code: 'purchase-above-offer',
      detail: 'It has 10 units left in these hours, where 11 were asked for.',
    })
    expect((await buy('alice', `contract:${contractId}`, 1)).body['code']).toBe('invalid-request')
    expect((await buy('alice', `contract:${contractId}`, 2, { price: '1.99' })).body['code']).toBe('quote-expired')
    floor.partner.quotes = [
      quote({ accept_until: new Date(floor.now() - 1).toISOString() }),
      quote({ quote_id: 'q2', price: '2.01' }),
    ]
    expect((await buy('alice', 'gcp:quote:q1', 1)).body['code']).toBe('quote-expired')
    expect((await buy('alice', 'gcp:quote:q2', 1)).body['code']).toBe('quote-expired')
    floor.partner.behaviour = 'fail'
    expect((await buy('alice', 'gcp:quote:q1', 1)).body['code']).toBe('partner-unavailable')
    await nothing()
  })

  test('of several parts one that is not to be had: which it was, and none of the others', async () => {
    const contractId = await contract(10)
    floor.partner.quotes = [quote({ available_units: 2 })]
    const [good, quoted] = [floor.part(`contract:${contractId}`, 3), floor.part('gcp:quote:q1', 2)]
    for (const [code, pointer, parts] of [
      ['purchase-above-offer', '#/parts/1/units', [good, { ...quoted, units: 3 }]],
      ['not-found', '#/parts/1/offer_id', [good, { ...quoted, offer_id: 'gcp:quote:none' }]],
      ['quote-expired', '#/parts/0/price', [{ ...good, price: '1.99' }, quoted]],
      ['capacity-window-invalid', '#/parts/1/ends_at', [good, { ...quoted, ends_at: hour(1) }]],
      ['invalid-request', '#/parts', []],
      ['invalid-request', '#/parts', Array.from({ length: 51 }, () => good)],
      ['invalid-request', '#/parts/1/units', [good, { ...quoted, units: 0 }]],
    ] as const)
      expect((await floor.buyAll('alice', parts)).body).toMatchObject({ code, errors: [{ pointer }] })
    await nothing()
  })

  test('an account without the money buys nothing: the purchase fails, the units stay', async () => {
    const contractId = await contract(10, { price: '9999' })
    await buy('alice', `contract:${contractId}`, 10, { price: '9999', ends_at: hour(20) })
    await floor.settle()
    expect(await purchases('alice')).toMatchObject([{ purchase_state: 'failed', failure: 'insufficient-funds' }])
    expect(await floor.money('alice')).toEqual([cashAtFirst, 0])
    expect(await leftOf(contractId)).toEqual(['10+0'])
  })
})

describe('faults', () => {
  const tasks = [
    'hold-purchase-money',
    'reserve-with-partner',
    'book-purchase',
    'capture-purchase-money',
    'undo-purchase',
  ] as const

  /** Three units of a contract, and two that a partner quotes. */
  const split = async () => {
    const contractId = await contract(10)
    floor.partner.quotes = [quote()]
    const begin = () => floor.buyAll('alice', [floor.part(`contract:${contractId}`, 3), floor.part('gcp:quote:q1', 2)])
    /** All or nothing, in money and in units, here and there. */
    const isDone = async () => {
      const [purchase] = await purchases('alice')
      const done = purchase?.['purchase_state'] === 'completed'
      expect(['completed', 'failed']).toContain(purchase?.['purchase_state'])
      expect(await floor.money('alice')).toEqual([cashAtFirst - (done ? 5 * 8 * usd : 0), 0])
      expect(await leftOf(contractId)).toEqual([done ? '7+3' : '10+0'])
      expect(floor.partner.reserved()).toHaveLength(done ? 1 : 0)
      const lots = await inventory('alice')
      expect(lots.map(lot => lot['units']).toSorted()).toEqual(done ? [2, 3] : [])
      return done
    }
    return { begin, isDone }
  }
  const failed = {
    ok: false as const,
    kind: 'Unhandled' as const,
    error: { errorType: 'Error', errorMessage: 'a fault' },
  }

  test.each(tasks)('%s fails before it begins: tried again', async broken => {
    const { begin, isDone } = await split()
    let faults = 0
    floor.interfere(name => {
      if (name !== broken || faults === 2) return undefined
      faults += 1
      return Promise.resolve(failed)
    })
    await begin()
    await floor.settle()
    expect(await isDone()).toBe(true)
  })

  test.each(tasks)('%s fails after it is done: done once', async broken => {
    const { begin, isDone } = await split()
    let faults = 0
    floor.interfere((name, run) => {
      if (name !== broken || faults === 2) return undefined
      faults += 1
      return run().then(() => failed)
    })
    await begin()
    await floor.settle()
    expect(await isDone()).toBe(true)
  })

  test.each(tasks.slice(0, 3))('%s fails for good, before or after it is done: all is undone', async broken => {
    for (const isAfter of [false, true]) {
      await floor.end()
      await floor.reset()
      const { begin, isDone } = await split()
      floor.interfere((name, run) => {
        if (name !== broken) return undefined
        return isAfter ? run().then(() => failed) : Promise.resolve(failed)
      })
      await begin()
      await floor.settle()
      // What was done, and only said that it was not, is known by its row.
      await isDone()
      expect((await purchases('alice'))[0]?.['purchase_state']).toBe('failed')
    }
  })

  test.each([false, true])(
    'the second part cannot be reserved for good, after it is: %s; the first is undone, too',
    async isAfter => {
      const { begin, isDone } = await split()
      let reserved = 0
      floor.interfere((name, run) => {
        if (name !== 'reserve-with-partner') return undefined
        reserved += 1
        if (reserved === 1) return run()
        return isAfter ? run().then(() => failed) : Promise.resolve(failed)
      })
      await begin()
      await floor.settle()
      expect(await isDone()).toBe(false)
    },
  )

  test.each(['before', 'after'])('undoing fails now and then, %s it has undone a part: undone once', async when => {
    const { begin, isDone } = await split()
    let undone = 0
    floor.interfere((name, run) => {
      if (name === 'reserve-with-partner') floor.partner.behaviour = 'decline'
      if (name !== 'undo-purchase') return undefined
      floor.partner.behaviour = 'succeed'
      undone += 1
      if (undone % 2 === 0) return undefined
      return when === 'after' ? run().then(() => failed) : Promise.resolve(failed)
    })
    await begin()
    await floor.settle()
    expect(await isDone()).toBe(false)
    expect((await purchases('alice'))[0]).toMatchObject({ failure: 'the partner refuses: sold out' })
  })

  test.each(tasks.slice(0, 4))('every execution of %s twice, side by side', async broken => {
    const { begin, isDone } = await split()
    floor.interfere(async (name, run) => {
      if (name !== broken) return run()
      const [one, other] = await Promise.all([run(), run()])
      return one.ok ? one : other
    })
    await begin()
    await floor.settle()
    expect(await isDone()).toBe(true)
  })

  test('the capture fails again and again: the sweep goes on with it, and it is paid once', async () => {
    const { begin, isDone } = await split()
    let isBroken = true
    floor.interfere(name => (name === 'capture-purchase-money' && isBroken ? Promise.resolve(failed) : undefined))
    await begin()
    await floor.settle()
    expect(floor.ends()).toEqual(['FAILED Error'])
    expect(await floor.money('alice')).toEqual([cashAtFirst, 40 * usd])
    isBroken = false
    await floor.sweep()
    expect(floor.ends()).toHaveLength(1)
    floor.forward(6 * 60_000)
    await floor.sweep()
    await floor.settle()
    expect(await isDone()).toBe(true)
  })

  test('a partner that says no, fails, or has done it without saying so: nothing is left there or here', async () => {
    for (const fault of ['decline', 503, 'die'] as const) {
      await floor.end()
      await floor.reset()
      floor.partner.quotes = [quote()]
      floor.interfere((name, run) => {
        floor.partner.behaviour = name === 'reserve-with-partner' ? fault : 'succeed'
        return run()
      })
      await buy('alice', 'gcp:quote:q1', 5)
      await floor.settle()
      expect((await purchases('alice'))[0]).toMatchObject({ purchase_state: 'failed' })
      expect(floor.partner.reserved()).toEqual([])
      expect(await floor.money('alice')).toEqual([cashAtFirst, 0])
      expect(await inventory('alice')).toEqual([])
    }
  }, 120_000)

  test('a reservation that comes after it was withdrawn is none', async () => {
    const contractId = await contract(10)
    const { withdrawReservation } = await import('#adapters/tables/partner-inventory.ts')
    const lot = await getLot(contractId)
    if (lot === undefined) throw new Error('the contract has no lot')
    const fromMillis = Date.parse(hour(1))
    const moved = {
      lot,
      window: { fromMillis, untilMillis: fromMillis + 4 * hourMillis },
      units: 3,
      reservationId: 'r',
    }
    await withdrawReservation(moved)
    await withdrawReservation(moved)
    expect(await moveUnits('reserve', moved)).toBe('short')
    expect(await leftOf(contractId)).toEqual(['10+0'])
    const other = { ...moved, reservationId: 's' }
    expect([await moveUnits('reserve', other), await moveUnits('reserve', other)]).toEqual(['moved', 'moved before'])
    expect(await leftOf(contractId)).toEqual(['7+3'])
    await withdrawReservation(other)
    await withdrawReservation(other)
    expect(await leftOf(contractId)).toEqual(['10+0'])
  })
})

describe('many want the same units', () => {
  test('of fifty at once for the last ten, ten get one each, and nobody else pays', async () => {
    const contractId = await contract(10)
    const buyers = Array.from({ length: 50 }, (_, index) => (['alice', 'bob', 'carol'] as const)[index % 3] ?? 'alice')
    const asked = await Promise.all(
      buyers.map((account, index) => buy(account, `contract:${contractId}`, 1, {}, `key-${index}`)),
    )
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([202]))
    await floor.settle(400)
    const all = (await Promise.all((['alice', 'bob', 'carol'] as const).map(purchases))).flat()
    const won = all.filter(each => each['purchase_state'] === 'completed')
    expect([all.length, won.length]).toEqual([50, 10])
    expect(new Set(all.filter(each => !won.includes(each)).map(each => each['failure']))).toEqual(
      new Set(['purchase-above-offer']),
    )
    expect(await leftOf(contractId)).toEqual(['0+10'])
    const money = await Promise.all((['alice', 'bob', 'carol'] as const).map(floor.money))
    expect(money.reduce((sum, [cash, held]) => sum + cashAtFirst - cash + held, 0)).toBe(10 * 8 * usd)
    const lots = (await Promise.all((['alice', 'bob', 'carol'] as const).map(inventory))).flat()
    expect(lots).toHaveLength(10)
  }, 240_000)

  /** Each wants one unit of two contracts that have so many left; all of them ask at once. */
  const splitBuyers = async (count: number, left: number, isReversed: (index: number) => boolean) => {
    const contracts = [await contract(left), await contract(left)]
    const names = ['alice', 'bob', 'carol'] as const
    const parts = contracts.map(id => floor.part(`contract:${id}`, 1))
    const asked = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        floor.buyAll(names[index % 3] ?? 'alice', isReversed(index) ? parts.toReversed() : parts, `key-${index}`),
      ),
    )
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([202]))
    await floor.settle(600)
    const all = (await Promise.all(names.map(purchases))).flat()
    const won = all.filter(each => each['purchase_state'] === 'completed').length
    expect([all.length, all.filter(each => each['purchase_state'] === 'failed').length]).toEqual([count, count - won])
    for (const id of contracts) expect(await leftOf(id)).toEqual([`${left - won}+${won}`])
    const money = await Promise.all(names.map(floor.money))
    expect(money.map(([, held]) => held)).toEqual([0, 0, 0])
    expect(money.reduce((sum, [cash]) => sum + cashAtFirst - cash, 0)).toBe(won * 16 * usd)
    const lots = (await Promise.all(names.map(inventory))).flat()
    expect(lots).toHaveLength(2 * won)
    return won
  }

  test('of fifty at once for the last five of two offers each, five get both, and nothing is left held', async () => {
    expect(await splitBuyers(50, 5, () => false)).toBe(5)
  }, 300_000)

  test('where half of them take the offers in the other order: nobody is left with one of them', async () => {
    expect(await splitBuyers(20, 5, index => index % 2 === 1)).toBeLessThanOrEqual(5)
  }, 300_000)

  test('of what a partner quotes, beside a contract, no unit is sold twice, and none is kept for who did not get both', async () => {
    const contractId = await contract(2)
    floor.partner.quotes = [quote({ available_units: 2 })]
    const parts = [floor.part(`contract:${contractId}`, 1), floor.part('gcp:quote:q1', 1)]
    for (let index = 0; index < 6; index += 1)
      await floor.buyAll('alice', index % 2 === 1 ? parts.toReversed() : parts, `key-${index}`)
    await floor.settle(100)
    const all = await purchases('alice')
    const won = all.filter(each => each['purchase_state'] === 'completed').length
    expect([won <= 2, await leftOf(contractId), floor.partner.reserved().length]).toEqual([
      true,
      [`${2 - won}+${won}`],
      won,
    ])
    expect(await floor.money('alice')).toEqual([cashAtFirst - won * 16 * usd, 0])
  }, 120_000)

  test('the same over ranges that overlap: no hour of the lot is ever below nothing', async () => {
    const contractId = await contract(10)
    const lot = await getLot(contractId)
    if (lot === undefined) throw new Error('the contract has no lot')
    const base = Date.parse(hour(1))
    const tried = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const fromMillis = base + (index % 5) * 7 * hourMillis
        const window = { fromMillis, untilMillis: fromMillis + 30 * hourMillis }
        const moved = await moveUnits('reserve', { lot, window, units: 1 + (index % 3), reservationId: `r${index}` })
        return { window, units: moved === 'moved' ? 1 + (index % 3) : 0 }
      }),
    )
    const hours = await hoursOfLot(lot, lot)
    for (const { hourMillis: at, available, reserved } of hours) {
      const sold = tried
        .filter(({ window }) => window.fromMillis <= at && at < window.untilMillis)
        .reduce((sum, { units }) => sum + units, 0)
      expect([available, reserved]).toEqual([10 - sold, sold])
      expect(available).toBeGreaterThanOrEqual(0)
    }
    expect(hours.some(({ available }) => available === 0)).toBe(true)
  }, 60_000)
})

describe('what ends soon', () => {
  test('is flagged once, told on the bus, offered to others at half its price, and whoever has it is paid', async () => {
    const contractId = await contract(10)
    await buy('alice', `contract:${contractId}`, 4, { ends_at: hour(20) })
    await floor.settle()
    await floor.sweep()
    await floor.sweep()
    const [lot] = await inventory('alice')
    expect(lot).toMatchObject({ is_expiring: true, offered_price: '1' })
    const query = { quantity: '4', region: 'USE', starts_at: hour(1), ends_at: hour(5), gpus: '1' }
    const found = await floor.request('find-best-price', { as: { account: 'bob' }, query })
    expect(found.body).toMatchObject({
      cost: '16',
      is_covered: true,
      legs: [{ units: 4, offer: { offer_id: `lot:${lot?.['lot_id']}`, source: 'inventory', price: '1' } }],
    })
    // Alice has it: she is offered the contract.
    const own = await floor.request('find-best-price', { as: { account: 'alice' }, query })
    expect(own.body).toMatchObject({ legs: [{ offer: { source: 'contract' } }] })
    await buy('bob', `lot:${lot?.['lot_id']}`, 4, { price: '1' })
    await floor.settle()
    expect(await purchases('bob')).toMatchObject([{ purchase_state: 'completed', cost: '16' }])
    expect(await floor.money('bob')).toEqual([cashAtFirst - 16 * usd, 0])
    expect(await floor.money('alice')).toEqual([cashAtFirst - 4 * 19 * 2 * usd + 16 * usd, 0])
    expect((await inventory('alice'))[0]).toMatchObject({ unit_hours: { reserved: 16, available: 4 * 15 } })
  })
})

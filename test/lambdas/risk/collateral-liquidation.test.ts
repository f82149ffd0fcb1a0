import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import type { AuctionBidRow } from '#adapters/tables/backstop-auctions.ts'
import type { Numbers } from '#adapters/tables/liquidations.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { type Account, numberOf, openLiquidationFloor } from '#test/support/liquidation-floor.ts'

/** The workflow's own document over its own steps, real tables and the real engine. */

const floor = await openLiquidationFloor()
const { getAuction, putBid } = await import('#adapters/tables/backstop-auctions.ts')
const { getLiquidation, replaceLiquidation } = await import('#adapters/tables/liquidations.ts')
const { startLiquidation } = await import('#lambdas/risk/liquidation-execution.ts')
afterEach(() => floor.end())
afterAll(() => floor.tables.stop())

const usd = 1_000_000

/** Alice is long a thousand lots of bob at 2.00; each of them may lose 0.04 USD, so that she needs 40. */
const open = async (alice: number, others: Partial<Readonly<Record<Account, number>>> = {}) => {
  await floor.reset({ alice, ...others })
  const id = await floor.list()
  await floor.epoch({ [id]: 200 })
  floor.trade(id, 200, 1_000, 'alice', 'bob')
  await floor.epoch({ [id]: 200 })
  return id
}
/** The mark falls, and she is called. */
const fall = async (id: number, markTicks: number) => {
  await floor.epoch({ [id]: markTicks })
  await floor.tellCalls()
}
const kinds = async () => (await floor.steps()).map(({ kind, code }) => (code === undefined ? kind : `${kind} ${code}`))
const states = async () => (await floor.heads()).map(row => row['liquidation_state'])
const failures = async () => (await floor.heads()).map(row => row['failure'])
const head = async (liquidationId?: string) => {
  const [item] = await floor.heads()
  const row = await getLiquidation(liquidationId ?? String(item?.['liquidation_id']))
  if (row === undefined) throw new Error('nothing was called')
  return row
}
const resume = async (liquidationId?: string) => {
  const row = await head(liquidationId)
  const { failure: _, ...kept } = row
  const next = {
    ...kept,
    state: 'running' as const,
    attempt: row.attempt + 1,
    updatedAtMillis: row.updatedAtMillis + 1,
  }
  expect(await replaceLiquidation(next, row)).toBe(true)
  await startLiquidation(next)
}
const toldBy = async (kind: string): Promise<readonly Numbers[]> =>
  (await floor.steps()).filter(each => each.kind === kind).map(({ numbers, result }) => ({ ...numbers, ...result }))
const sent = () => floor.streams.put.map(({ command }) => command.type)
/** Bids as soon as an auction is open. */
const bidding = (bids: Partial<Readonly<Record<Account, readonly [priceTicks: number, lots: number]>>>, id: number) => {
  floor.interfere(async (name, run) => {
    const done = await run()
    if (name !== 'open-backstop-auction') return done
    const [item] = await floor.tables.items('backstopAuctions')
    const auctionId = String(item?.['auction_id'])
    for (const [account, [priceTicks, lots]] of Object.entries(bids)) {
      const row: AuctionBidRow = {
        auctionId,
        accountId: numberOf(account as Account),
        bidAtMillis: floor.now(),
        bids: [{ instrumentId: id, priceTicks, lots }],
      }
      expect(await putBid(row)).toBe(true)
    }
    return done
  })
}

describe('an account that needs more than it has', () => {
  test('is called, and after the grace period reduced until the buffer is met, and no further', async () => {
    const id = await open(50 * usd)
    floor.order('alice', id, 'buy', 150, 1)
    floor.order('carol', id, 'buy', 183, 5_000)
    await fall(id, 185)
    expect(await states()).toEqual(['called'])
    expect(sent()).toEqual([])
    const { graceEndsAtMillis, calledAtMillis } = await head()
    expect(graceEndsAtMillis - calledAtMillis).toBe(300_000)
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await states()).toEqual(['ended'])
    expect(await kinds()).toEqual(['begin', 'plan', 'reduce', 'plan', 'end'])
    const [begun] = floor.eventsOf('liquidation-begun')
    expect(begun).toMatchObject({ cancelledOrders: 1, equityMicros: 35 * usd, afterRequirementMicros: 40 * usd })
    // At 1.76 each lot costs 0.009 and frees 0.04: 266.5 of them leave a tenth of equity; they were sold at 1.83.
    expect((await toldBy('plan'))[0]).toMatchObject({
      move: 'reduce',
      equityMicros: 35 * usd,
      requirementMicros: 40 * usd,
      tranche: [{ instrumentName: 'I-1DEC99', amount: '-26.7', limit: '1.76', excessAfterMicros: 17_300 }],
    })
    expect(floor.lots('alice', id)).toBe(733)
    expect(await toldBy('end')).toMatchObject([{ equityMicros: 34_466_000, requirementMicros: 29_320_000 }])
    expect(await head()).toMatchObject({ equityMicros: 34_466_000, requirementMicros: 29_320_000, state: 'ended' })
    // She may trade again.
    floor.order('alice', id, 'sell', 190, 1)
  })

  test('a call is answered once, whoever tells it again; later calls while it is are not, one after it is', async () => {
    const id = await open(50 * usd)
    floor.order('carol', id, 'buy', 183, 5_000)
    await fall(id, 185)
    await floor.tellCalls(true)
    await fall(id, 184)
    expect((await floor.tables.items('marginCalls')).length).toBe(3)
    expect(floor.started()).toHaveLength(1)
    await floor.settle()
    await floor.tellCalls(true)
    expect([floor.ends(), await states()]).toEqual([['SUCCEEDED'], ['ended']])
    await fall(id, 150)
    await floor.settle()
    expect(floor.started()).toHaveLength(2)
    expect(await states()).toEqual(['ended', 'ended'])
  })

  test('a call that comes between the end and its being known is answered at the end', async () => {
    const id = await open(50 * usd)
    floor.order('carol', id, 'buy', 183, 5_000)
    await fall(id, 185)
    let isFirst = true
    floor.interfere(async (name, run) => {
      if (name !== 'end-liquidation' || !isFirst) return run()
      isFirst = false
      const ended = run()
      while (floor.eventsOf('liquidation-ended').length === 0) await new Promise(resolve => setTimeout(resolve, 2))
      // The stream of calls is told while the liquidation still is under way.
      await floor.epoch({ [id]: 150 })
      await floor.tellCalls()
      return ended
    })
    await floor.settle(10)
    expect(floor.started()).toHaveLength(2)
  })

  test('a deposit within the grace period ends it without a liquidation', async () => {
    const id = await open(50 * usd)
    await fall(id, 185)
    floor.deposit('alice', 6 * usd)
    await floor.settle()
    expect([floor.ends(), await states(), await kinds()]).toEqual([
      ['SUCCEEDED'],
      ['recovered'],
      ['begin not-under-margin-call'],
    ])
    expect([sent(), floor.lots('alice', id)]).toEqual([['begin-liquidation'], 1_000])
    // Another fall is another call.
    await fall(id, 178)
    expect(floor.started()).toHaveLength(2)
  })

  test('that recovers in the middle is let go at once', async () => {
    const id = await open(50 * usd)
    await floor.terms({ tranche_notional: '10' })
    floor.order('carol', id, 'buy', 183, 5_000)
    await fall(id, 185)
    floor.interfere(async (name, run) => {
      const done = await run()
      if (name === 'reduce-position' && floor.eventsOf('deposited').length === 6) {
        floor.deposit('alice', 20 * usd)
        await floor.project()
      }
      return done
    })
    await floor.settle()
    expect(await kinds()).toEqual(['begin', 'plan', 'reduce', 'plan', 'end'])
    // 10 USD at 0.185 a lot.
    expect(floor.lots('alice', id)).toBe(1_000 - 54)
  })
})

describe('what the books do not take', () => {
  test('goes to the best bids, pro rata at the margin; who lacks the margin is passed over', async () => {
    const id = await open(50 * usd, { erin: usd })
    await fall(id, 185)
    // At the reserve, 1.48, each lot costs 0.037 and frees 0.04: no number of them restores her, so that all are offered.
    bidding({ carol: [184, 300], dave: [180, 600], erin: [183, 500], bob: [180, 200] }, id)
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await kinds()).toEqual([
      'begin',
      ...Array(3).fill(['plan', 'reduce']).flat(),
      'plan',
      'open-auction',
      'award',
      'award insufficient-margin',
      'award',
      'award',
      'award',
      'plan',
      'end',
    ])
    // 700 are left for 800 at 1.80: 175 and 525.
    expect(['carol', 'dave', 'erin', 'bob'].map(each => floor.lots(each as Account, id))).toEqual([300, 525, 0, -825])
    expect(
      floor.eventsOf('position-transferred').map(each => [each.toAccountId, each.signedLots, each.priceTicks]),
    ).toEqual([
      [3, 300, 184],
      [2, 175, 180],
      [4, 525, 180],
    ])
    expect((await toldBy('award')).at(-1)).toMatchObject({
      awarded: [{ instrumentName: 'I-1DEC99', amount: '100', left: '0' }],
      passedOver: [{ accountId: 5, code: 'insufficient-margin' }],
    })
    const [auction] = await floor.tables.items('backstopAuctions')
    expect((await getAuction(String(auction?.['auction_id'])))?.state).toBe('awarded')
  })

  test('nobody bids for, the insurance fund takes at the reserve, as far as it has the margin', async () => {
    const id = await open(50 * usd)
    await fall(id, 185)
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(floor.lots('insurance-fund-1', id)).toBe(1_000)
    expect((await toldBy('award'))[0]).toMatchObject({ amount: '100', price: '1.48', toInsuranceFund: true })

    await floor.end()
    const again = await open(50 * usd, { 'insurance-fund-1': usd })
    await fall(again, 185)
    await floor.settle()
    expect(floor.ends()).toEqual(['FAILED NotLiquidated'])
    expect(await states()).toEqual(['failed'])
    expect(await failures()).toEqual([
      expect.stringMatching(/^LiquidationStuck: 1 positions are left that nobody takes/),
    ])
    // Two auctions, and the books before each and after.
    expect((await kinds()).filter(kind => kind === 'open-auction')).toHaveLength(2)
    // A buyer turns up, and a person has it go on.
    floor.order('carol', again, 'buy', 183, 5_000)
    await resume()
    await floor.settle()
    expect([floor.ends().at(-1), await states()]).toEqual(['SUCCEEDED', ['ended']])
    expect(floor.eventsOf('liquidation-begun')).toHaveLength(1)
  })
})

describe('what an account owes in the end', () => {
  test('is paid by the fund to its limit, then by the winners with the certificate of the least haircut; money is conserved', async () => {
    const id = await open(50 * usd, { 'insurance-fund-1': 10 * usd })
    // Carol has won as well, a quarter of what bob has.
    floor.trade(id, 200, 250, 'dave', 'carol')
    floor.order('erin', id, 'buy', 140, 5_000)
    await fall(id, 140)
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED'])
    expect(await kinds()).toEqual(['begin', 'plan', 'reduce', 'plan', 'cover-loss', 'plan', 'haircut', 'plan', 'end'])
    // 60 lost of 50: 10 are owed; the fund pays 30 % of 10; seven are shared by 60 and 15 gained.
    expect(await toldBy('cover-loss')).toMatchObject([
      { lossMicros: 10 * usd, fundHighestMicros: 10 * usd, fundAllowedMicros: 3 * usd, paysMicros: 3 * usd },
    ])
    const share = `${7 * usd}/${75 * usd}`
    expect(await toldBy('haircut')).toMatchObject([
      {
        lossMicros: 7 * usd,
        winners: 2,
        gainsMicros: String(75 * usd),
        uncoveredMicros: 0,
        certificate: { primal: share, dual: share, lossMultiplier: `1/${75 * usd}` },
      },
    ])
    expect(floor.eventsOf('gains-haircut')).toMatchObject([
      {
        shares: [
          { accountId: numberOf('bob'), amountMicros: 5_600_000 },
          { accountId: numberOf('carol'), amountMicros: 1_400_000 },
        ],
      },
    ])
    expect(['alice', 'bob', 'carol', 'insurance-fund-1'].map(each => floor.cash(each as Account))).toEqual([
      0,
      1_000 * usd - 5_600_000,
      1_000 * usd - 1_400_000,
      7 * usd,
    ])
    // What was taken from the four is what alice owed: her 50 are with erin and bob, not realised.
    expect(floor.total()).toBe(5_060 * usd - 1_000 * usd - 60 * usd + 10 * usd - 10 * usd)
  })

  test('two that owe at the same moment take the fund’s limit and a winner’s gain once between them', async () => {
    const id = await open(50 * usd, { 'insurance-fund-1': 10 * usd, dave: 50 * usd })
    floor.trade(id, 200, 1_000, 'dave', 'bob')
    floor.order('erin', id, 'buy', 140, 5_000)
    await fall(id, 140)
    // Both come to who pays at once, before either has paid.
    const arrived = new Map<string, (() => void)[]>()
    floor.interfere(async (name, run) => {
      const first = arrived.get(name) ?? []
      if ((name === 'cover-loss' || name === 'haircut-gains') && first.length < 2) {
        const both = new Promise<void>(resolve => first.push(resolve))
        arrived.set(name, first)
        if (first.length === 2) for (const go of first) go()
        await both
      }
      return run()
    })
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED', 'SUCCEEDED'])
    const ids = (await floor.heads()).map(row => String(row['liquidation_id']))
    const steps = (await Promise.all(ids.map(each => floor.steps(each)))).flat()
    const figures = (kind: string, name: string) =>
      steps
        .filter(each => each.kind === kind)
        .map(({ numbers }) => Number(numbers[name]) / usd)
        .sort((a, b) => a - b)
    expect(figures('cover-loss', 'paysMicros')).toEqual([0, 3])
    expect(figures('haircut', 'lossMicros')).toEqual([7, 10])
    // The second one finds what the first has left.
    expect([
      [110, 120],
      [113, 120],
    ]).toContainEqual(figures('haircut', 'gainsMicros'))
    expect(floor.cash('insurance-fund-1')).toBe(7 * usd)
    expect([floor.cash('alice'), floor.cash('dave'), floor.cash('bob')]).toEqual([0, 0, 983 * usd])
  })

  test('the fund pays no more in eight hours than it may, gains are taken once, and what nobody can pay waits for a person', async () => {
    const id = await open(50 * usd, { 'insurance-fund-1': 10 * usd })
    floor.order('erin', id, 'buy', 140, 5_000)
    await fall(id, 140)
    await floor.settle()
    expect([floor.cash('insurance-fund-1'), floor.cash('bob')]).toEqual([7 * usd, 993 * usd])

    // Dave is on the other side of the next one, and gets out before the end: who is left has gained next to nothing.
    const other = await floor.list('I-2DEC99')
    await floor.epoch({ [id]: 140, [other]: 200 })
    floor.deposit('alice', 50 * usd)
    floor.trade(other, 200, 1_000, 'alice', 'dave')
    floor.order('carol', other, 'buy', 139, 5_000)
    await floor.epoch({ [id]: 140, [other]: 140 })
    floor.trade(other, 140, 1_000, 'dave', 'erin')
    await floor.tellCalls()
    await floor.settle()
    expect(floor.ends()).toEqual(['SUCCEEDED', 'FAILED NotLiquidated'])
    const failed = (await floor.heads()).find(row => row['liquidation_state'] === 'failed')
    expect(failed?.['failure']).toMatch(
      /^LiquidationStuck: nobody is left to pay what the account owes: .*cash -10000000/,
    )
    const steps = await floor.steps(String(failed?.['liquidation_id']))
    const numbersOf = (wanted: string) => steps.filter(({ kind }) => kind === wanted).map(({ numbers }) => numbers)
    expect(numbersOf('cover-loss')).toMatchObject([
      { fundHighestMicros: 10 * usd, fundPaidMicros: 3 * usd, fundAllowedMicros: 0, paysMicros: 0 },
    ])
    expect(numbersOf('haircut')).toMatchObject([{ lossMicros: 11 * usd, winners: 1, uncoveredMicros: 10 * usd }])
    // Taken up again: the gain that was taken is none any more.
    await resume(String(failed?.['liquidation_id']))
    await floor.settle()
    expect(floor.eventsOf('gains-haircut').map(({ shares }) => shares.map(({ amountMicros }) => amountMicros))).toEqual(
      [[7 * usd], [usd]],
    )
    // Somebody pays, and it ends.
    floor.deposit('alice', 10 * usd)
    await resume(String(failed?.['liquidation_id']))
    await floor.settle()
    expect([floor.ends().at(-1), floor.cash('alice')]).toEqual(['SUCCEEDED', 0])
  })
})

describe('whatever happens on the way', () => {
  const whole = ['begin', 'plan', 'reduce', 'plan', 'cover-loss', 'plan', 'haircut', 'plan', 'end']
  const bankrupt = async () => {
    const id = await open(50 * usd, { 'insurance-fund-1': 10 * usd })
    floor.order('erin', id, 'buy', 140, 5_000)
    await fall(id, 140)
    return id
  }
  const commands = ['begin-liquidation', 'liquidate-position', 'cover-loss', 'haircut-gains', 'end-liquidation']
  const paid = () => [floor.cash('alice'), floor.cash('insurance-fund-1'), floor.cash('bob')]
  const asItShould = [0, 7 * usd, 993 * usd]

  test('every task run twice, and the whole again, does everything once', async () => {
    await bankrupt()
    floor.interfere(async (_, run) => {
      const first = await run()
      await floor.project()
      const second = await run()
      expect(JSON.stringify(second).replace(/"wait_seconds":\d+/, '')).toBe(
        JSON.stringify(first).replace(/"wait_seconds":\d+/, ''),
      )
      return second
    })
    await floor.settle()
    expect([await kinds(), sent(), paid()]).toEqual([whole, commands, asItShould])
    const { liquidationId } = await head()
    let next: unknown = { liquidation_id: liquidationId, step: 0, polls: 0 }
    for (const name of [
      'begin-liquidation',
      'plan-liquidation',
      'reduce-position',
      'plan-liquidation',
      'cover-loss',
      'plan-liquidation',
      'haircut-gains',
      'plan-liquidation',
      'end-liquidation',
    ])
      next = await floor.handlerOf(name)(next, lambdaContext)
    expect(next).toMatchObject({ step: 9, next: 'done' })
    expect([await kinds(), sent(), paid()]).toEqual([whole, commands, asItShould])
  })

  test('a task that dies after it has sent its command sends it again under the same id, and it is done once', async () => {
    await bankrupt()
    const died = new Set<string>()
    floor.interfere((name, run) => {
      if (died.has(name) || name === 'plan-liquidation') return undefined
      died.add(name)
      // Cut off while it waits: the command is in the stream, nothing is written of it.
      const silent = {
        ok: false,
        kind: 'Unhandled',
        error: { errorType: 'Sandbox.Timedout', errorMessage: '' },
      } as const
      void run().catch(() => undefined)
      return new Promise(resolve => setTimeout(() => resolve(silent), 20))
    })
    await floor.settle()
    expect([floor.ends(), await kinds(), paid()]).toEqual([['SUCCEEDED'], whole, asItShould])
    const ids = floor.streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))
    expect(new Set(ids).size).toBe(commands.length)
    expect(floor.eventsOf('loss-covered')).toHaveLength(1)
  })

  test('a crash between any two steps: another process goes on where it stopped', async () => {
    for (const crashAfter of [2, 3, 5, 7]) {
      await bankrupt()
      let [runs, isDown] = [0, false]
      floor.interfere(async (_, run) => {
        const done = await run()
        runs += 1
        if (runs !== crashAfter) return done
        isDown = true
        // The answer is never heard.
        return new Promise(() => undefined)
      })
      const settled = floor.settle()
      while (!isDown) await new Promise(resolve => setTimeout(resolve, 5))
      floor.interfere(() => undefined)
      await floor.crash()
      await settled
      await floor.settle()
      expect([crashAfter, floor.ends(), await kinds(), sent(), paid()]).toEqual([
        crashAfter,
        ['SUCCEEDED'],
        whole,
        commands,
        asItShould,
      ])
      if (crashAfter !== 7) await floor.end()
    }
  })

  test('an engine that does not answer fails it by name; taken up again it goes out under the id that it had', async () => {
    await bankrupt()
    floor.streams.onPut(() => undefined)
    await floor.settle(80)
    expect([floor.ends(), await states()]).toEqual([['FAILED NotLiquidated'], ['failed']])
    expect(await failures()).toEqual(['LiquidationUnanswered: step 1: the engine has not answered'])
    floor.streams.onPut(command => void floor.enter(command))
    await resume()
    await floor.settle()
    expect([floor.ends().at(-1), await kinds(), paid()]).toEqual(['SUCCEEDED', whole, asItShould])
    expect(new Set(sent())).toEqual(new Set(commands))
  }, 600_000)
})

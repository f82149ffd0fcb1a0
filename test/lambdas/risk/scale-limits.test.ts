import { beforeEach, expect, test } from '@jest/globals'
import { bookPut } from '#adapters/tables/books.ts'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import { marketWindowPut } from '#adapters/tables/market-windows.ts'
import { limitScalePut } from '#adapters/tables/risk-limits.ts'
import { withLevel } from '#domain/trading/book-side.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import { squaredReturn, windowsPerYear } from '#domain/trading/market-windows.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { lambdaContext, requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/scale-limits.ts')
const http = await import('#lambdas/risk/http.ts')
const send = requests(http.handler, riskOperations)
const run = () => handler({}, lambdaContext)

let instrumentId = 0
beforeEach(() => {
  floor.reset()
  forgetEngineVersions()
  floor.seed('lanes', activatedVersionPut(1, { version: 4, atMillis: 1 }))
  instrumentId = floor.instrument(1).instrument.instrumentId
})

const minute = 60_000
/** A minute in which the price went up by so much. */
const moved = (closeTicks: number): void => {
  const startMillis = (Math.floor(Date.now() / minute) - 5) * minute
  const window = {
    startMillis,
    trades: 1,
    volumeLots: 1n,
    turnoverTickLots: 1n,
    buyerLots: 1n,
    sellerLots: 0n,
    openTicks: 1_000,
    closeTicks,
    previousTicks: 1_000,
    squaredReturns: squaredReturn(1_000, closeTicks),
    state: 'closed',
    version: 1,
  } as const
  floor.seed('marketWindows', marketWindowPut({ lane: 1, instrumentId, resolution: '1m', window, outSeq: 1 }))
}

test('a market that moves more than the rule’s reference has its limits scaled by as much, once', async () => {
  moved(1_020)
  await run()
  const volatility = Math.log(1.02) * Math.sqrt(windowsPerYear('1m') / 60)
  const [command] = floor.put()
  expect(command).toMatchObject({
    type: 'scale-risk-limits',
    floorPpm: 200_000,
    ceilingPpm: 1_000_000,
    scales: [
      {
        instrumentId,
        scalePpm: Math.floor((0.8 / volatility) * 1_000_000),
        volatilityPpm: Math.round(volatility * 1_000_000),
        referenceVolatilityPpm: 800_000,
        depthLots: 0,
        referenceDepthLots: 0,
      },
    ],
  })
  if (command?.type !== 'scale-risk-limits') throw new Error('no scale')
  const [scale] = command.scales
  if (scale === undefined) throw new Error('no scale')
  const bounds = { floorPpm: 200_000, ceilingPpm: 1_000_000, scaledAtMillis: 1 }
  floor.seed('riskLimits', limitScalePut(1, { ...scale, ...bounds, scalePpm: scale.scalePpm + 40_000 }))
  await run()
  expect(floor.put()).toHaveLength(1)
  floor.seed('riskLimits', limitScalePut(1, { ...scale, ...bounds, scalePpm: 200_000 }))
  await run()
  expect(floor.put()).toHaveLength(2)
})

test('a market without depth has its limits at the floor where depth counts', async () => {
  const as = { account: 'watch', role: 'risk_manager' } as const
  await send('set-limit-scaling', { as, body: { reference_depth: '10', floor_ppm: 100_000 } })
  const bids = withLevel(withLevel(newMarket.bids, false, 1_000, 40), false, 900, 500)
  floor.seed('books', bookPut({ lane: 1, instrumentId, market: { ...newMarket, bids }, updatedAtMillis: 1, outSeq: 1 }))
  await run()
  // 40 of 100 lots lie within a twentieth of the best price.
  expect(floor.put()).toMatchObject([{ scales: [{ scalePpm: 400_000, depthLots: 40, referenceDepthLots: 100 }] }])
})

test('nothing is sent where nothing has moved, nor to a lane of older rules', async () => {
  await run()
  expect(floor.put()).toEqual([])
  moved(2_000)
  floor.seed('lanes', activatedVersionPut(1, { version: 3, atMillis: 1 }))
  forgetEngineVersions()
  await run()
  expect(floor.put()).toEqual([])
})

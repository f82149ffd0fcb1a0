import { beforeAll, expect, test } from '@jest/globals'
import { attachExchange } from '#bin/chaos/exchange.ts'
import { runChaos } from '#bin/chaos/run.ts'
import { afterTheJourneys, runningExchange } from './running-exchange.ts'

/** A short chaos on the exchange that all other journeys have used: everything they left behind is compared too. */

beforeAll(() => afterTheJourneys(import.meta.filename), 300_000)

test('leader and projectors killed or frozen: nothing is lost, nothing is applied twice', async () => {
  const exchange = await attachExchange((await runningExchange()).url)
  const report = await runChaos({
    exchange,
    seed: 1,
    millis: 60_000,
    faults: ['freeze-projector', 'stall-leader', 'kill-projector', 'kill-leader'],
    accounts: 3,
    pauseMillis: 100,
    putsRecords: false,
  })
  expect(report.violations).toEqual([])
  expect(report.divergences).toBe(0)
  expect(report.kills).toBe(2)
  expect(report.failovers).toHaveLength(1)
  expect(report.acknowledged).toBeGreaterThan(10)
  expect(report.trades).toBeGreaterThan(0)
}, 300_000)

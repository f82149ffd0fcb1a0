import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { getActivatedVersion, getStartedEpoch } from '#adapters/tables/lane-events.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getRiskLane } from '#adapters/tables/risk-lanes.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'
import { recordsOf } from '#test/support/executions.ts'
import { nextCommandId } from '#test/support/tape.ts'

const { projectInstruments } = await import('#lambdas/reference/project-instruments.ts')
const { projectorOf } = await import('#lambdas/shell/projection.ts')

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew('lanes', 'riskLanes', 'outcomes'))

test('a lane tells its last leader and its rules', async () => {
  expect([await getActivatedVersion(1), await getStartedEpoch(1)]).toEqual([undefined, undefined])
  const stateHash = 'ab'.repeat(32)
  await projectorOf(projectInstruments)(
    recordsOf(
      [
        { type: 'epoch-started', epoch: 1, stateHash },
        { type: 'engine-version-activated', commandId: nextCommandId(), version: 2 },
        { type: 'epoch-started', epoch: 2, stateHash },
      ],
      [1, 2, 3],
    ),
  )
  expect(await getActivatedVersion(1)).toMatchObject({ version: 2 })
  expect(await getStartedEpoch(1)).toMatchObject({ epoch: 2, stateHash })
  expect(await getStartedEpoch(2)).toBeUndefined()
})

test('a lane tells its epochs of risk, and which commands about them it refuses', async () => {
  const [commandId, refused] = [nextCommandId(), nextCommandId()]
  await projectorOf(projectInstruments)(
    recordsOf(
      [
        { type: 'risk-epoch-begun', commandId: nextCommandId(), epochVersion: 7, scenarioSetVersion: 3 },
        { type: 'risk-epoch-adopted', commandId, epochVersion: 7, scenarioSetVersion: 3, instruments: 2 },
        { type: 'risk-epoch-due', instrumentId: 2, epochVersion: 7, markTicks: 9 },
        {
          type: 'command-rejected',
          accountId: 0,
          commandId: refused,
          commandType: 'risk-epoch-commit',
          code: 'risk-epoch-incomplete',
        },
      ],
      [1, 2, 3, 4],
    ),
  )
  expect(await getRiskLane(1)).toMatchObject({
    begunVersion: 7,
    adoptedVersion: 7,
    adoptedSetVersion: 3,
    adoptedInstruments: 2,
    dueVersion: 7,
    dueInstrumentId: 2,
  })
  expect(await getOutcome(commandId)).toMatchObject({ accepted: true })
  expect(await getOutcome(refused)).toMatchObject({ accepted: false, code: 'risk-epoch-incomplete' })
})

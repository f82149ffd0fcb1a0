import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { getActivatedVersion, getStartedEpoch } from '#adapters/tables/lane-events.ts'
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
beforeEach(() => tables.renew('lanes'))

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

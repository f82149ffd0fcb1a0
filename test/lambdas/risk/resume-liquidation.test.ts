import { SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { getLiquidation, replaceLiquidation } from '#adapters/tables/liquidations.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { liquidationRow, putLiquidation } from '#test/support/liquidation-rows.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'
import { idOf } from '#test/support/tape.ts'

const floor = openQuotingFloor()
const workflows = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('collateral-liquidation')] = 'test-arn'
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { account: 'desk', role: 'risk_manager' } as const
const path = { liquidation_id: idOf('a') }

beforeEach(() => {
  floor.reset()
  workflows.reset()
  workflows.on(StartExecutionCommand).resolves({})
})

describe('a liquidation that failed', () => {
  test('goes on under another execution, from its first step on', async () => {
    const updatedAtMillis = Date.now()
    await putLiquidation({ state: 'failed', failure: 'LiquidationStuck: of nobody', updatedAtMillis })
    const { status, body, headers } = await send('resume-liquidation', { as, path })
    expect([status, headers['location']]).toEqual([202, `/api/v1/risk/liquidations/${idOf('a')}`])
    expect(body).toMatchObject({ liquidation_state: 'running', attempt: 2, failure: null })
    const [call] = workflows.commandCalls(StartExecutionCommand)
    expect(JSON.parse(call?.args[0].input.input ?? '')).toMatchObject({ liquidation_id: idOf('a'), step: 0 })
    // Whoever asks again is told that it goes on.
    expect((await send('resume-liquidation', { as, path })).body['code']).toBe('liquidation-not-failed')
    expect(workflows.commandCalls(StartExecutionCommand)).toHaveLength(1)
  })

  test('before it was begun is called again', async () => {
    const { begunAtMillis: _, ...unbegun } = liquidationRow({ state: 'failed' })
    await replaceLiquidation(unbegun, undefined)
    await send('resume-liquidation', { as, path })
    expect((await getLiquidation(idOf('a')))?.state).toBe('called')
  })

  test('or has not moved for longer than its workflow may take; what is under way or over goes its way', async () => {
    await putLiquidation({ state: 'running', updatedAtMillis: Date.now() - 200_000_000 })
    expect((await send('resume-liquidation', { as, path })).status).toBe(202)
    await putLiquidation({ liquidationId: idOf('b'), state: 'running', updatedAtMillis: Date.now() })
    await putLiquidation({ liquidationId: idOf('d'), state: 'ended', updatedAtMillis: 1 })
    for (const liquidation_id of [idOf('b'), idOf('d')])
      expect((await send('resume-liquidation', { as, path: { liquidation_id } })).body['code']).toBe(
        'liquidation-not-failed',
      )
    expect((await send('resume-liquidation', { as, path: { liquidation_id: idOf('e') } })).status).toBe(404)
  })
})

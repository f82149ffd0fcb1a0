import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { a100, h100, h100Call, openMarginFloor } from '#test/support/margin-floor.ts'

const floor = await openMarginFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const read = (query: Readonly<Record<string, string>> = {}, given: object = {}) =>
  send('get-margin-statement', { query, ...given })

const folder = mkdtempSync(join(tmpdir(), 'margin-statement-'))
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => floor.reset())

const verified = (text: string): string => {
  const file = join(folder, 'statement.json')
  writeFileSync(file, text)
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/verify-margin.ts', file], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    env,
    encoding: 'utf8',
  })
  expect([status, stderr]).toEqual([0, ''])
  return stdout
}

describe('a margin statement', () => {
  test('is one file from which verify-margin computes what the engine has, to the micro', async () => {
    await floor.adoptEpoch()
    await floor.trade('acme', h100, 120, 2_480)
    await floor.trade('acme', h100Call, -30, 210)
    await floor.place('acme', a100, 50, 1_400)
    await floor.place('acme', h100, -200, 2_600)
    await floor.list({ instrumentName: 'H100.USE-2' })
    await floor.place('acme', 'H100.USE-2', 3, 1_000)
    const { text, body, headers } = await read()
    const figures = floor.engine().marginOf(floor.accountId('acme'))
    expect(body).toMatchObject({
      format: 'margin-statement/1',
      account_id: 1,
      epoch_version: 1,
      result: { equity_micros: figures?.equityMicros, requirement_micros: figures?.requirementMicros },
    })
    expect(headers['content-disposition']).toMatch(/^attachment; filename="margin-acme-[0-9TZ.-]+\.json"$/)
    expect(verified(text)).toContain(`requirement ${figures?.requirementMicros} micros`)
  }, 30_000)

  test('before the first epoch has no scenarios, and is computed all the same', async () => {
    await floor.trade('acme', h100, 10, 2_000)
    const { text, body } = await read()
    expect(body).toMatchObject({ epoch_version: 0, scenario_set: { scenarios: [] } })
    expect(verified(text)).toContain('0 scenarios, 0 differences')
  }, 30_000)

  test('of another account is for the owner of its firm', async () => {
    expect(await read({ account: 'acme.desk' })).toMatchObject({ status: 200, body: { account_id: 2 } })
    expect(await read({ account: 'bob' })).toMatchObject({ status: 404 })
    expect(await read({ account: 'acme' }, { as: { account: 'eve' } })).toMatchObject({ status: 404 })
    expect(await read({ accounts: 'acme' })).toMatchObject({ status: 400 })
  })
})

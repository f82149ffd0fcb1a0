import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { forgetInstruments, instrumentPut } from '#adapters/tables/instruments.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { mockStreams } from '#test/support/mocked-streams.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { testSpecification } from '#test/support/tape.ts'

const tables = mockTables()
const streams = mockStreams([1, 2])
process.env[lanesEnvironmentVariable] = '1,2'
const { handler } = await import('#lambdas/reference/sweep-due.ts')

const expirationMillis = 1_800_000_000_000
let nowMillis = expirationMillis

const list = (
  lane: number,
  instrumentId: number,
  instrumentName: string,
  more: { expires?: number; isActive?: boolean } = {},
) => {
  const specification = { ...testSpecification, instrumentName, expirationMillis: more.expires ?? expirationMillis }
  const defined = defineInstrument(specification, instrumentId, 1)
  if (!defined.accepted) throw new Error('the specification is valid')
  const put = instrumentPut({ lane, instrument: defined.value, isActive: more.isActive ?? true, listedAtMillis: 1 })
  if (put.kind === 'put') tables.seed('instruments', put.item)
}

beforeEach(() => {
  tables.reset()
  streams.reset()
  forgetInstruments()
  nowMillis = expirationMillis
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

describe('the sweep of each minute', () => {
  test('expires what is due in each lane, and nothing else', async () => {
    list(1, 1, 'A-1')
    list(1, 2, 'B-1', { expires: expirationMillis + 1 })
    list(1, 3, 'C-1', { isActive: false })
    list(2, 1, 'D-1', { expires: 5 })
    await handler({}, lambdaContext)
    expect(streams.put).toMatchObject([
      { lane: 1, command: { type: 'expire-instrument', instrumentId: 1 } },
      { lane: 2, command: { type: 'expire-instrument', instrumentId: 1 } },
    ])
  })

  test('repeated within its minute it asks under the same id, later under another', async () => {
    list(1, 1, 'A-1')
    await handler({}, lambdaContext)
    nowMillis += 59_000
    await handler({}, lambdaContext)
    nowMillis += 1_000
    await handler({}, lambdaContext)
    const ids = streams.put.map(({ command }) => ('commandId' in command ? command.commandId : ''))
    expect(ids[1]).toBe(ids[0])
    expect(ids[2]).not.toBe(ids[0])
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('what cannot be put is thrown, for the schedule to try again', async () => {
    list(1, 1, 'A-1')
    streams.fail(new Error('out of reach'))
    await expect(handler({}, lambdaContext)).rejects.toThrow('out of reach')
  })
})

import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { partnerServiceAt } from '#adapters/clients/partner.ts'
import { partnerServiceUrls } from '#protocol/partner-service.ts'
import { startFakePartner } from '#test/support/partner-service.ts'

/** Long enough for a busy machine to answer in time. */
const quick = { timeoutMillis: 1_000, mostRetries: 2, firstPauseMillis: 5, openMillis: 1_500 }
const partner = await startFakePartner(() => Date.UTC(2026, 10, 27, 6))
beforeEach(() => partner.reset())
afterAll(() => partner.stop())

const window = { fromMillis: Date.UTC(2026, 10, 27, 8), untilMillis: Date.UTC(2026, 10, 27, 12) }
const quote = {
  quote_id: 'q-1',
  resource_class: 'H100',
  region: 'USE',
  pricing: 'spot',
  price: '1.25',
  available_units: null as number | null,
  minimum_units: 2,
  vector: { gpus: 1, vcpus: 8, memory_gib: 64.5, storage_tib: 0 },
  starts_at: '2026-11-27T08:00:00.000Z',
  ends_at: '2026-11-27T12:00:00.000Z',
  accept_until: '2026-11-27T07:00:00.000Z',
}
const reservation = {
  reservationId: 'p1',
  offerId: 'aws:quote:q-1',
  units: 3,
  window,
  priceMicrosPerUnitHour: 1_250_000,
}
const service = () => partnerServiceAt('aws', `${partner.url}/`, quick)

describe('a service of a partner', () => {
  test('tells what it quotes for a region and window, as offers', async () => {
    partner.quotes = [quote, { ...quote, quote_id: 'q-2', region: 'DE' }]
    expect((await service().quotesFor('USE', window)).offers).toEqual([
      {
        offerId: 'aws:quote:q-1',
        provider: 'aws',
        resourceClass: 'H100',
        region: 'USE',
        pricing: 'spot',
        priceMicrosPerUnitHour: 1_250_000,
        availableUnits: 'unlimited',
        minimumUnits: 2,
        vector: { gpus: 1, vcpus: 8, memoryGib: 64.5, storageTib: 0 },
        validFromMillis: window.fromMillis,
        validUntilMillis: window.untilMillis,
        source: 'quote',
        acceptUntilMillis: Date.UTC(2026, 10, 27, 7),
      },
    ])
    expect(partner.asked).toEqual([
      'GET /quotes?region=USE&starts_at=2026-11-27T08%3A00%3A00.000Z&ends_at=2026-11-27T12%3A00%3A00.000Z',
    ])
    expect(await service().quoteNamed('q-3')).toBeUndefined()
    expect(await service().quoteNamed('q-2')).toMatchObject({ region: 'DE' })
  })

  test('reserves once for each id, says no with its reason, and takes back what it never had', async () => {
    partner.quotes = [quote]
    expect(await service().reserve(reservation)).toEqual({ accepted: true, reference: 'R-p1' })
    expect(await service().reserve(reservation)).toEqual({ accepted: true, reference: 'R-p1' })
    expect(partner.reserved()).toEqual(['p1'])
    await service().release('p1')
    await service().release('p2')
    expect(partner.reserved()).toEqual([])
    expect(await service().reserve({ ...reservation, reservationId: 'p2' })).toEqual({
      accepted: false,
      reason: 'it was withdrawn',
    })
  })

  test('is asked again where it fails or is silent, and given up after three times', async () => {
    partner.behaviour = 503
    await expect(service().quotesFor('USE', window)).rejects.toThrow('answers 503')
    expect(partner.asked).toHaveLength(3)
    partner.behaviour = 'ignore'
    await expect(service().quotesFor('USE', window)).rejects.toThrow('timed out')
    expect(partner.asked).toHaveLength(6)
  }, 20_000)

  test('that answers twice is not taken to have answered what is asked next', async () => {
    partner.quotes = [quote]
    partner.behaviour = 'repeat'
    const asked = service()
    for (const id of ['p1', 'p2', 'p3'])
      expect(await asked.reserve({ ...reservation, reservationId: id })).toEqual({
        accepted: true,
        reference: `R-${id}`,
      })
    await asked.release('p2')
    expect(await asked.quoteNamed('q-1')).toMatchObject({ offerId: 'aws:quote:q-1' })
    expect(partner.reserved()).toEqual(['p1', 'p3'])
    expect(partner.asked).toHaveLength(5)
  })

  test('a refusal of the request is final', async () => {
    partner.behaviour = 400
    await expect(service().quotesFor('USE', window)).rejects.toThrow('refuses: 400')
    expect(partner.asked).toHaveLength(1)
  })

  test('what is no quote is left out and said: a price finer than a micro, none, nothing; the others stay', async () => {
    for (const price of ['1.0000001', 'NaN', '-1', '0', '0.000000']) {
      partner.quotes = [{ ...quote, quote_id: 'odd', price }, quote]
      const { offers, leftOut } = await service().quotesFor('USE', window)
      expect(offers.map(({ offerId }) => offerId)).toEqual(['aws:quote:q-1'])
      expect(leftOut).toEqual(['odd: price must be USD above 0 with at most 6 decimals'])
      await expect(service().quoteNamed('odd')).rejects.toThrow('price must be USD above 0')
    }
    partner.quotes = [
      { ...quote, quote_id: 'none', minimum_units: 0 },
      { ...quote, quote_id: 'half', available_units: 0.5 },
    ]
    const { offers, leftOut } = await service().quotesFor('USE', window)
    expect(offers).toEqual([])
    expect(leftOut).toEqual([
      expect.stringMatching(/^none: minimum_units /),
      expect.stringMatching(/^half: available_units /),
    ])
  })

  test('that keeps failing is not asked for a while, and then once', async () => {
    const asked = service()
    partner.behaviour = 'fail'
    for (let time = 0; time < 3; time += 1) await expect(asked.quotesFor('USE', window)).rejects.toThrow()
    expect(partner.asked).toHaveLength(5)
    partner.behaviour = 'succeed'
    await expect(asked.quotesFor('USE', window)).rejects.toThrow('breaker')
    expect(partner.asked).toHaveLength(5)
    await new Promise(resolve => setTimeout(resolve, quick.openMillis + 100))
    expect((await asked.quotesFor('USE', window)).offers).toEqual([])
    expect(partner.asked).toHaveLength(6)
  }, 20_000)
})

test('services are named by provider', () => {
  expect(partnerServiceUrls(undefined)).toEqual({})
  expect(partnerServiceUrls('')).toEqual({})
  expect(partnerServiceUrls('{"gcp":"http://127.0.0.1:1"}')).toEqual({ gcp: 'http://127.0.0.1:1' })
  for (const wrong of ['x', '[]', '{"nobody":"http://a"}', '{"gcp":"file:///a"}'])
    expect(() => partnerServiceUrls(wrong)).toThrow()
})

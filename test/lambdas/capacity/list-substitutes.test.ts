import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { putFixing } from '#adapters/tables/fixings.ts'
import { putPiece, putProduct } from '#adapters/tables/partner-offers.ts'
import { capacityForecastOperations } from '#protocol/operations/capacity-forecasts.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/capacity/http.ts')
const send = requests(handler, capacityForecastOperations)

const now = Date.parse('2026-11-20T10:20:00.000Z')
jest.spyOn(Date, 'now').mockReturnValue(now)

let imports = 0
beforeEach(async () => {
  floor.reset()
  imports += 1
  floor.tables.seed('partnerCatalogues', {
    provider: 'generic',
    row: 'in-force',
    import_id: `import-${imports}`,
    since_millis: now - 1_000,
  })
})

const product = (name: string, resourceClass: string, region: string, onDemand: number, more: object = {}) =>
  putProduct(
    {
      importId: `import-${imports}`,
      product: name,
      resourceClass,
      region,
      vector: { gpus: 8, vcpus: 100, memoryGib: 1_000, storageTib: 1 },
      history: [
        {
          fromMillis: now - 10_000,
          micros: { on_demand: 8 * onDemand * 1e6, spot: null, commitment_1y: null, commitment_3y: null, ...more },
        },
      ],
    },
    now,
  )
const ask = async (query: Readonly<Record<string, string>> = {}) => {
  const { status, body } = await send('list-substitutes', {
    query: { resource_class: 'H100', region: 'USE', ...query },
  })
  return { status, body, ids: Array.isArray(body['data']) ? body['data'].map(each => String(each.product_id)) : [] }
}

describe('substitutes', () => {
  test('of a resource are found among catalogues and markets, the nearest first, with the parts of their distance', async () => {
    seedIndex(floor.tables)
    await putFixing({
      index: 'H100.USE',
      fixingMillis: now - 1_000,
      level: '2.5',
      isFallback: false,
      methodVersion: 1,
      inputs: [],
    })
    await product('h100-west', 'H100', 'us-west1', 2.5)
    await product('h200-east', 'H200', 'us-east4', 3.5, { spot: 8 * 1.5e6 })
    await product('l4-east', 'L4', 'us-east4', 0.7)
    await product('tape', 'TAPE', 'us-east4', 0.7)
    const { status, body, ids } = await ask()
    expect({ status, body }).toMatchObject({ status: 200, body: { price: '2.5', searched: 5, not_comparable: 1 } })
    expect(ids).toEqual([
      'market:H100.USE',
      'generic:us-east4:h200-east:on_demand',
      'generic:us-west1:h100-west:on_demand',
      'generic:us-east4:h200-east:spot',
      'generic:us-east4:l4-east:on_demand',
    ])
    const [market, h200] = body['data'] as readonly Record<string, unknown>[]
    expect(market).toMatchObject({ provider: 'market', pricing: 'market', price: '2.5', region_latency_ms: 0 })
    expect(h200).toMatchObject({
      provider: 'generic',
      resource_class: 'H200',
      pricing: 'on_demand',
      performance_tflops: 989,
      memory_gib: 141,
      price: '3.5',
      region_latency_ms: 1,
      parts: { performance: 0, interconnect: 0, reliability: 0 },
    })
    expect((await ask({ limit: '1' })).ids).toEqual(['market:H100.USE'])
  })

  test('weights, and what only counts where it is worse, change the order', async () => {
    await product('h100-west', 'H100', 'us-west1', 2.5)
    await product('h200-east', 'H200', 'us-east4', 2)
    expect((await ask({ price: '2.5' })).ids[0]).toContain('h200-east')
    expect((await ask({ price: '2.5', weight_memory: '10' })).ids[0]).toContain('h100-west')
    expect((await ask({ price: '2.5', weight_memory: '10', differences: 'worse' })).ids[0]).toContain('h200-east')
  })

  test('the price is what it costs on demand, unless told', async () => {
    await product('h100-west', 'H100', 'us-west1', 2.25)
    expect((await ask()).body['price']).toBe('2.25')
    expect((await ask({ price: '9' })).body['price']).toBe('9')
  })

  test('a catalogue that comes into force takes the place of the one before', async () => {
    await product('h100-west', 'H100', 'us-west1', 2.25)
    expect((await ask()).ids).toEqual(['generic:us-west1:h100-west:on_demand'])
    imports += 1
    floor.tables.seed('partnerCatalogues', {
      provider: 'generic',
      row: 'in-force',
      import_id: `import-${imports}`,
      since_millis: now,
    })
    await product('h100-south', 'H100', 'us-south1', 2.25)
    expect((await ask()).ids).toEqual(['generic:us-south1:h100-south:on_demand'])
  })

  test('a catalogue that came in pieces is read of those', async () => {
    const row = (name: string, region: string) => ({
      importId: `import-${imports}`,
      product: name,
      resourceClass: 'H100',
      region,
      vector: { gpus: 8, vcpus: 100, memoryGib: 1_000, storageTib: 1 },
      history: [
        { fromMillis: now - 10, micros: { on_demand: 16e6, spot: null, commitment_1y: null, commitment_3y: null } },
        // From tomorrow on.
        {
          fromMillis: now + 86_400_000,
          micros: { on_demand: 8e6, spot: 1e6, commitment_1y: null, commitment_3y: null },
        },
      ],
    })
    await putPiece(`import-${imports}`, 0, [row('h100-east', 'us-east4'), row('h100-moon', 'moon-1')], now)
    await putPiece(`import-${imports}`, 1, [row('h100-west', 'us-west1')], now)
    const { body, ids } = await ask()
    expect(ids).toEqual(['generic:us-east4:h100-east:on_demand', 'generic:us-west1:h100-west:on_demand'])
    expect(body).toMatchObject({ price: '2', searched: 2 })
  })

  test('of what nobody knows, or nobody prices, there are none', async () => {
    expect((await ask({ resource_class: 'TAPE' })).body).toMatchObject({ status: 422, code: 'unknown-resource' })
    expect((await ask()).body).toMatchObject({ code: 'unknown-resource', errors: [{ pointer: '#/price' }] })
    expect(await ask({ price: '2' })).toMatchObject({ status: 200, ids: [] })
  })

  test.each([
    { price: '0' },
    { price: 'NaN' },
    { limit: '101' },
    { weight_price: '-1' },
    { reliability: '1' },
    { weight_x: '1' },
  ])('%j is no request', async query => {
    expect((await ask(query)).body).toMatchObject({ status: 400, code: 'invalid-request' })
  })
})

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { BadFixture, readFixture } from '#bin/clear/fixture.ts'

const root = join(import.meta.dirname, '../..')
const real = join(root, '../shared/data/auction/gme-fixture-2025-04-17.json.gz')

const tiny = {
  day: '2027-01-15',
  zones: ['NORTH', 'SOUTH'],
  curves: [
    [1, 'NORTH', 'd', 60, 10],
    [1, 'NORTH', 's', 20, 6],
    [1, 'SOUTH', 's', 30, 8.5],
    [1, 'SOUTH', 'd', 10, 0.0001],
    [2, 'SOUTH', 'd', 50, 4],
    [2, 'SOUTH', 's', 40.5, 4],
  ],
  blocks: [
    ['plant', 1, 'SOUTH', 's', 2, 25, 'ACC'],
    ['plant', 2, 'SOUTH', 's', 2, 25, 'ACC'],
    ['dear', 2, 'SOUTH', 's', 2, 90, 'REJ'],
  ],
  links: [
    [1, 'NORTH', 'SOUTH', -3, 3],
    [1, 'NORTH', 'ABROAD', -100, 100],
  ],
  exchanges: [[1, 'NORTH', 'ABROAD', 2]],
  expectedPrices: [
    [1, 'NORTH', 60],
    [2, 'SOUTH', 40],
  ],
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'clear-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

const file = (name: string, content: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, Buffer.isBuffer(content) ? content : JSON.stringify(content))
  return path
}
const clear = (...args: readonly string[]) =>
  spawnSync(process.execPath, ['bin/clear.ts', ...args], { cwd: root, encoding: 'utf8' })

describe('a day of a zonal market', () => {
  test('is cleared, compared and drawn', () => {
    const svg = join(folder, 'hour.svg')
    const { status, stdout, stderr } = clear(
      file('day.json.gz', gzipSync(JSON.stringify(tiny))),
      '--json',
      '--svg',
      svg,
      '--hour',
      '1',
    )
    expect([status, stderr]).toEqual([0, ''])
    const result = JSON.parse(stdout)
    expect(result.faults).toEqual([])
    expect(result.compared).toMatchObject({ decisionsMatched: 2, decisions: 2, pricesCompared: 2, pricesMissing: 0 })
    // 6 of its own and 3 over the line are sold in the north, 2 of them abroad.
    expect(result.flows).toEqual([{ from: 'NORTH', to: 'SOUTH', period: 0, lots: -3_000 }])
    expect(result.markets[0]).toEqual({
      area: 'NORTH',
      period: 0,
      priceTicks: 6_000,
      boughtLots: 7_000,
      soldLots: 6_000,
    })
    const drawn = readFileSync(svg, 'utf8')
    expect(drawn).toMatch(/^<svg /)
    expect(drawn.match(/<polyline/g)).toHaveLength(3)
  })

  test('is printed for people', () => {
    const { status, stdout } = clear(file('day.json', tiny))
    expect(status).toBe(0)
    expect(stdout).toMatch(/blocks: 2 of 2 decided as published; 0 paradoxically accepted/)
    expect(stdout).toMatch(/mean absolute error/)
    expect(stdout).toMatch(/the certificate holds/)
  })

  test('what was published does not reach the clearing', () => {
    const read = (day: unknown) => readFixture(Buffer.from(JSON.stringify(day))).auction
    const otherwise = {
      ...tiny,
      blocks: tiny.blocks.map(row => [...row.slice(0, 6), 'UNKNOWN']),
      expectedPrices: [],
      borderPrices: [[1, 'ABROAD', 7]],
    }
    expect(read(otherwise)).toEqual(read(tiny))
    expect(JSON.stringify(read(tiny))).not.toMatch(/ACC|REJ|xpected/)
  })

  test.each<[string, unknown]>([
    ['no object', []],
    ['no curves', { ...tiny, curves: undefined }],
    ['an hour too many', { ...tiny, curves: [[26, 'NORTH', 'd', 1, 1]] }],
    ['a quantity below zero', { ...tiny, curves: [[1, 'NORTH', 'd', 1, -1]] }],
    ['a side that is none', { ...tiny, curves: [[1, 'NORTH', 'x', 1, 1]] }],
    [
      'a block of two prices',
      {
        ...tiny,
        blocks: [
          ['p', 1, 'NORTH', 's', 1, 2, 'ACC'],
          ['p', 2, 'NORTH', 's', 1, 3, 'ACC'],
        ],
      },
    ],
  ])('%s is said, not cleared', (_, content) => {
    expect(() => readFixture(Buffer.from(JSON.stringify(content)))).toThrow(BadFixture)
  })

  test('hostile files and arguments end with a sentence and 2', () => {
    const good = file('good.json', tiny)
    for (const args of [
      [],
      [join(folder, 'absent.json')],
      [folder],
      [file('half.json', Buffer.from('{"day":'))],
      [file('bytes.gz', Buffer.from([0x1f, 0x8b, 1, 2, 3]))],
      [good, good],
      [good, '--hour', '3'],
      [good, '--svg', join(folder, 'x.svg'), '--hour', '9'],
      [good, '--svg', join(folder, 'x.svg'), '--hour', 'noon'],
      [good, '--no-such'],
    ]) {
      const { status, stdout, stderr } = clear(...args)
      expect([args, status, stdout]).toEqual([args, 2, ''])
      expect(stderr).toMatch(/usage: npm run clear/)
    }
    // Well formed, and yet not to be cleared: a zone that is none.
    const stray = clear(file('stray.json', { ...tiny, curves: [[1, 'EAST', 'd', 1, 1]] }))
    expect([stray.status, stray.stderr]).toEqual([1, expect.stringMatching(/unknown-area/)])
  })
})

describe('the real Italian day', () => {
  const there = existsSync(real)
  if (!there) console.warn(`not run: ${real} is absent`)
  const whenThere = there ? test : test.skip

  whenThere('clears blind as it was published', () => {
    const { status, stdout } = clear(real, '--json')
    expect(status).toBe(0)
    const { compared, blocks, certificate, faults } = JSON.parse(stdout)
    expect(compared).toMatchObject({ decisions: 35, pricesCompared: 168, pricesMissing: 0 })
    expect(compared.decisionsMatched).toBeGreaterThanOrEqual(34)
    expect(compared.meanAbsoluteError).toBeLessThanOrEqual(0.24)
    expect(
      blocks.filter((each: { takenParts: number; surplus: number }) => each.takenParts > 0 && each.surplus < 0),
    ).toEqual([])
    expect(certificate.gapPartsPerMillion).toBeLessThan(2)
    expect(faults).toEqual([])
  })

  whenThere('gives the same whatever the published prices and decisions say', () => {
    const day = JSON.parse(gunzipSync(readFileSync(real)).toString('utf8'))
    const otherwise = {
      ...day,
      blocks: day.blocks.map((row: readonly unknown[]) => [...row.slice(0, 6), 'REJ']),
      expectedPrices: day.expectedPrices.map(([hour, zone]: readonly unknown[]) => [hour, zone, 1]),
      borderPrices: [],
      curvesWithAcceptedBlocks: [],
      expectedFlows: [],
    }
    const auctions = [day, otherwise].map(each => readFixture(Buffer.from(JSON.stringify(each))).auction)
    expect(auctions[1]).toEqual(auctions[0])
  })
})

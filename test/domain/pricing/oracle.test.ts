import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { judgeFolder, oracleFiles } from '#bin/oracle/folder.ts'

/** Known values that this project did not produce. */
const folder = join(import.meta.dirname, '../../../../shared/oracles')
const present = existsSync(folder)
if (!present) console.warn(`SKIPPED: no folder of known values at ${folder}`)

const notPrices = /^(?:lending|limits|event schedules)/

/** Cases that are not answered, each with its reason in the result. */
const skippedCases: Readonly<Record<string, number>> = { 'barrier.json': 5, 'span_scan.json': 4 }

;(present ? describe : describe.skip)('known values', () => {
  const { files } = present ? judgeFolder(folder) : { files: [] }

  test.each(present ? oracleFiles(folder) : [])('%s', file => {
    const result = files.find(each => each.file === file)
    expect(result).toMatchObject({ failed: 0, failures: [], problem: null })
    const { cases = 0, declared, passed = 0, skipped = 0, reasons = {} } = result ?? {}
    expect(passed + skipped).toBe(cases)
    // A data file has no cases and so no count.
    expect(declared ?? 0).toBe(cases)
    const stated = Object.entries(reasons)
    expect(stated.reduce((sum, [reason, count]) => sum + (reason === '' ? 0 : count), 0)).toBe(skipped)
    if (passed === 0) expect(stated.length).toBeGreaterThan(0)
    const isOther = stated.length === 1 && stated.every(([reason, count]) => count === 0 || notPrices.test(reason))
    expect(skipped).toBe(isOther && passed === 0 ? cases : (skippedCases[file] ?? 0))
  })

  test('every case is counted, and most of them are prices', () => {
    const sum = (of: (each: (typeof files)[number]) => number) => files.reduce((total, each) => total + of(each), 0)
    expect(sum(({ passed }) => passed)).toBeGreaterThan(1_500)
    expect(sum(each => each.passed + each.failed + each.skipped)).toBe(sum(({ cases }) => cases))
  })
})

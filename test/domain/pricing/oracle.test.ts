import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { judge, type OracleCase, otherFiles, pricedFiles } from './oracle-answers.ts'

/** Known values that this project did not produce. */
const folder = join(import.meta.dirname, '../../../../shared/oracles')
const present = existsSync(folder)
if (!present) console.warn(`SKIPPED: no folder of known values at ${folder}`)

const read = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'))

/** Cases that are not answered, by file, each with its reason in the verdict. */
const knownCases: Readonly<Record<string, number>> = { 'american.json': 92, 'barrier.json': 5 }

;(present ? describe : describe.skip)('known values', () => {
  const quotes = present ? (read('vix_style_data.json') as Parameters<typeof judge>[2]) : {}

  test('every file of the folder is answered or named with a reason', () => {
    const files = readdirSync(folder).filter(file => file.endsWith('.json'))
    expect(files.filter(file => !pricedFiles.includes(file) && otherFiles[file] === undefined)).toEqual([])
    expect(pricedFiles.filter(file => !files.includes(file))).toEqual([])
  })

  test.each(pricedFiles)('%s', file => {
    const { count, cases } = read(file) as { count: number; cases: OracleCase[] }
    const verdicts = cases.map(each => judge(file, each, quotes))
    const known = verdicts.filter(({ outcome }) => outcome === 'known')
    expect(verdicts.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    expect([verdicts.length, known.length]).toEqual([count, knownCases[file] ?? 0])
  })
})

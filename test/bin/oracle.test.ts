import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { BadFolder, judgeFolder } from '#bin/oracle/folder.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'oracle-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (file: string, content: unknown): void =>
  writeFileSync(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content))
const judged = (file: string) => judgeFolder(folder).files.find(each => each.file === file)

const european = { type: 'call', F: 19, K: 19, r: 0.1, T: 0.75, vol: 0.28 }
/** Haug, Option Pricing Formulas (1998), prints 1.7011. */
const price = 1.701050725236268

describe('a folder of known values', () => {
  test('is judged case by case: met, missed, and refused where it must be', () => {
    write('black76.json', {
      count: 5,
      cases: [
        { id: 'met', inputs: european, expected: price, tolerance: 1e-9 },
        { id: 'missed', inputs: european, expected: price + 0.01, tolerance: 1e-3 },
        { id: 'refused', inputs: { ...european, vol: -1 }, expected: null, tolerance: 0 },
        { id: 'answered', inputs: european, expected: null, tolerance: 0 },
        { id: 'not answered', inputs: { ...european, T: -0 }, expected: 1, tolerance: 1 },
      ],
    })
    const result = judged('black76.json')
    expect(result).toMatchObject({ cases: 5, declared: 5, passed: 2, failed: 3, skipped: 0, problem: null })
    expect(result?.failures).toMatchObject([
      { id: 'missed' },
      { id: 'answered', reason: 'was not refused' },
      { id: 'not answered', reason: 'refused: not-positive timeYears' },
    ])
    expect(result?.worst).toMatchObject({ id: 'missed', tolerance: 1e-3 })
    expect(result?.worst?.error).toBeCloseTo(0.01, 12)
  })

  test('answers by name and by position, with the worst member of them', () => {
    const inputs = { par_swap_rates: [0.03], taus: [1], forward_curve: [2], gpu_hours: [100], fixed_price: 2 }
    const case_ = (expected: unknown) => ({ inputs, expected, tolerance: 1e-9 })
    write('curve_and_swap.json', {
      cases: [
        case_({ discount_factors: [1 / 1.03], fair_fixed_price: 2, payer_npv: 0 }),
        case_({ discount_factors: [1 / 1.03, 1] }),
        case_({ no_such_member: 1 }),
      ],
    })
    expect(judged('curve_and_swap.json')).toMatchObject({ declared: null, passed: 1, failed: 2 })
  })

  test('what there is no pricer for is skipped with the reason', () => {
    const cases = [{ inputs: { kind: 'moon' }, expected: 1, tolerance: 1 }]
    write('span_scan.json', { cases })
    write('moons.json', { cases })
    write('asian.json', { cases })
    write('american.json', { cases: [{ inputs: { method: 'Ju' }, expected: 1, tolerance: 1 }] })
    for (const [file, reason] of [
      ['span_scan.json', /no scan of the kind "moon"/],
      ['moons.json', /no pricer for a file named "moons"/],
      ['asian.json', /no pricer of the kind "moon"/],
      ['american.json', /approximation \(Ju\)/],
    ] as const) {
      const result = judged(file)
      expect([file, result]).toMatchObject([file, { failed: 0, skipped: 1 }])
      expect(Object.keys(result?.reasons ?? {})).toEqual([expect.stringMatching(reason)])
    }
  })

  test('a value that its own note doubts is skipped where it is missed, and only there', () => {
    const inputs = {
      ...{ barrier: 'DownOut', H: 95, rebate: 0, type: 'call', exercise: 'american' },
      ...{ K: 90, S: 100, q: 0.04, r: 0.08, T: 0.5, vol: 0.25 },
    }
    const note = 'american-exercise barrier: binomial reference, loose tolerance, NOT re-verified'
    write('barrier.json', {
      cases: [
        { inputs, note, expected: 10.4655, tolerance: 0.02 },
        { inputs, note, expected: 10.5445, tolerance: 0.02 },
        { inputs, expected: 10.4655, tolerance: 0.02 },
      ],
    })
    expect(judged('barrier.json')).toMatchObject({ passed: 1, failed: 1, skipped: 1 })
  })

  test('files that are none of the format are named, and hostile ones end nothing', () => {
    write('empty.json', '')
    write('half.json', '{"cases": [')
    write('null.json', 'null')
    write('list.json', '[1, 2]')
    write('deep.json', '['.repeat(200_000) + ']'.repeat(200_000))
    write('bytes.json', '\u0000\u0001')
    mkdirSync(join(folder, 'folder.json'))
    symlinkSync('/nowhere/at/all', join(folder, 'link.json'))
    write(
      'european_black_scholes.json',
      `{"__proto__": {"cases": 1}, "cases": [5, null, {"inputs": [], "expected": 1, "tolerance": 1},
        {"inputs": {}, "expected": null, "tolerance": 0}, {"inputs": {"S": 1e999}, "expected": 1, "tolerance": 1},
        {"inputs": {}, "expected": 1, "tolerance": 1e999}, {"inputs": {}, "expected": 1, "tolerance": -1},
        {"inputs": {"type": "call"}, "expected": 1, "tolerance": 1, "greeks": 7},
        {"inputs": {"type": "call", "greek": "__proto__"}, "expected": {"a": {}}, "tolerance": 1}]}`,
    )
    const { files, failed } = judgeFolder(folder)
    for (const file of ['empty', 'half', 'null', 'list', 'deep', 'bytes', 'folder', 'link']) {
      const result = files.find(each => each.file === `${file}.json`)
      expect([file, result]).toMatchObject([file, { cases: 0, failed: 1, problem: expect.stringMatching(/./) }])
    }
    expect(judged('european_black_scholes.json')).toMatchObject({ cases: 9, passed: 1, failed: 8, skipped: 0 })
    expect(failed).toBe(16)
  })

  test('the quotes that another file refers to are no cases, and cases without their quotes fail', () => {
    const cases = [{ inputs: { dataset: 'x', term: 'near', output: 'F' }, expected: 1, tolerance: 1 }]
    write('vix_style.json', { cases })
    expect(judged('vix_style.json')).toMatchObject({ failed: 1 })
    write('vix_style_data.json', { x: { near: { r: 0, minutes: 1, quotes: 'none' } } })
    expect(judged('vix_style.json')).toMatchObject({ failed: 1 })
    expect(judged('vix_style_data.json')).toMatchObject({ failed: 0, reasons: { 'what vix_style.json refers to': 0 } })
  })

  test('a folder that is none is no result', () => {
    expect(() => judgeFolder(join(folder, 'none'))).toThrow(BadFolder)
    expect(() => judgeFolder(folder)).toThrow(/no .json file/)
  })
})

describe('the command', () => {
  const run = (...given: readonly string[]) =>
    spawnSync(process.execPath, ['bin/oracle.ts', ...given], {
      cwd: join(import.meta.dirname, '../..'),
      encoding: 'utf8',
    })

  test('prints a table or JSON, and ends with 0, 1 or 2', () => {
    write('black76.json', { cases: [{ id: 'a', inputs: european, expected: price, tolerance: 1e-9 }] })
    const table = run(folder)
    expect([table.status, table.stderr]).toEqual([0, ''])
    expect(table.stdout).toMatch(/black76\.json +1 +0 +0 +worst a: error \d.*e[+-]\d+ of 1\.0e-9/)
    write('black76.json', { cases: [{ id: '\u001b[2J', inputs: european, expected: 0, tolerance: 1e-9 }] })
    const failing = run(folder, '--json')
    expect([failing.status, JSON.parse(failing.stdout)]).toMatchObject([1, { passed: 0, failed: 1, skipped: 0 }])
    expect(run(folder).stdout).not.toContain('\u001b')
    for (const given of [[], [folder, 'more'], [folder, '--nonsense'], [join(folder, 'none')]]) {
      const { status, stderr, stdout } = run(...given)
      expect([given, status, stdout]).toEqual([given, 2, ''])
      expect(stderr).toMatch(/^usage|cannot be read as a folder/)
    }
  })
})

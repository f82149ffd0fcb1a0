import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { type MarginStatement, marginStatement } from '#domain/margin/margin-statement.ts'
import { type Random, randomEpoch, randomHistory, randomOf, TestAccount } from './random-books.ts'

const folder = mkdtempSync(join(tmpdir(), 'verify-margin-'))
afterAll(() => rmSync(folder, { recursive: true }))

const verify = (...args: readonly string[]) => {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/verify-margin.ts', ...args], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const write = (name: string, content: unknown): string => {
  const file = join(folder, name)
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

const statementOf = (random: Random): MarginStatement => {
  const epoch = randomEpoch(random, 1, 5)
  const one = new TestAccount(epoch, 5_000)
  one.book.setQuoteBudget(1, { lots: 2, largestQuoteLots: 1, lotLossMicros: 50, lotCapMicros: 300 })
  randomHistory(one, random, 25)
  one.book.takeCash(1, 7)
  one.ledger.addHolds(1, 7)
  const credit = epoch.scenarioNames.map(() => random.below(50)).concat(3)
  if (random.below(2) === 0) one.book.setLaneBudget(1, credit)
  const [laneCreditMicros] = one.book.capture().laneBudgets.map(([, budget]) => budget)
  return marginStatement({
    accountId: 77,
    account: 1,
    at: '2026-11-22T00:00:00Z',
    ledger: one.ledger,
    book: one.book,
    epoch,
    scenarioSet: {
      version: 1,
      underlyings: ['X'],
      lookAheadYears: 0,
      scenarios: epoch.scenarioNames.map(name => ({
        name,
        weight: 1,
        priceShifts: [0],
        volatilityShifts: [0],
        reachShifts: [0],
      })),
    },
    ...(laneCreditMicros === undefined ? {} : { laneCreditMicros }),
  })
}

describe('a margin statement', () => {
  test('is computed again to the unit by who shares no code with the book', () => {
    const random = randomOf(1)
    for (let each = 0; each < 6; each += 1) {
      const statement = statementOf(random)
      const { status, stdout, stderr } = verify(write(`whole-${each}.json`, statement))
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout).toContain(`requirement ${statement.result.requirement_micros} micros`)
      expect(stdout).toContain('0 differences')
    }
  }, 60_000)

  test('that was changed is said to differ, and where', () => {
    const statement = statementOf(randomOf(2))
    const { result } = statement
    const less = { ...statement, result: { ...result, scan_micros: result.scan_micros - 1, worst_scenario: 'none' } }
    const { status, stdout } = verify(write('less.json', less))
    expect(status).toBe(1)
    expect(stdout).toContain(`scan_micros: stated ${result.scan_micros - 1}, computed ${result.scan_micros}, 1 more`)
    expect(stdout).toContain('worst_scenario: stated none')
    expect(verify(write('richer.json', { ...statement, cash_micros: statement.cash_micros + 1 }))).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('equity_micros'),
    })
  })

  test('that is none is refused in words', () => {
    const statement = statementOf(randomOf(3))
    expect(verify()).toMatchObject({ status: 2, stderr: expect.stringContaining('usage: npm run verify-margin') })
    expect(verify(join(folder, 'nowhere'))).toMatchObject({ status: 2 })
    expect(verify(write('text.json', 'x'))).toMatchObject({ status: 2 })
    const refused = (name: string, change: object) => verify(write(name, { ...statement, ...change }))
    expect(refused('float.json', { cash_micros: 0.5 })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no margin statement'),
    })
    expect(refused('unstated.json', { instruments: [] })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('is not stated'),
    })
    expect(refused('twice.json', { instruments: [...statement.instruments, ...statement.instruments] })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('stated twice'),
    })
  }, 60_000)
})

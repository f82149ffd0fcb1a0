import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { parseFlow } from '#bench/flow-file.ts'
import { makeFlow } from '#bench/flows.ts'
import { answersOf } from '#bench/matcher.ts'

const generator = join(import.meta.dirname, '../../../shared/tools/order-flow.mjs')
const answers = z.object({ trades: z.number(), tqty: z.number(), tnot: z.string(), liveOrders: z.number() })

describe('order flows with known answers', () => {
  const there = existsSync(generator)
  if (!there) console.warn(`not run: ${generator} is absent`)
  const whenThere = there ? test : test.skip
  whenThere.each([
    ['xc', 1, 7],
    ['nq', 1, 8],
    ['xc', 5, 9],
    ['nq', 5, 10],
  ])('%s on %d symbols, seed %d: trades, quantity, notional and live orders to the digit', (mix, symbols, seed) => {
    const folder = mkdtempSync(join(tmpdir(), 'flow-'))
    const file = join(folder, 'flow.bin')
    const args = [generator, mix, String(symbols), '10000', String(seed), file]
    const { trades, tqty, tnot, liveOrders } = answers.parse(
      JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })),
    )

    expect(answersOf(parseFlow('flow', readFileSync(file)))).toEqual({
      trades,
      quantity: tqty,
      notional: tnot,
      liveOrders,
    })
    rmSync(folder, { recursive: true })
  })

  test('a file that is cut or something else is refused by name', () => {
    expect(() => parseFlow('short', new Uint8Array(8))).toThrow('short is no order flow')
    expect(() => parseFlow('other', new Uint8Array(64))).toThrow('other is no order flow of version 1')
  })

  test('flows of our own are the same for the same seed, and trade', () => {
    const flow = makeFlow('nq', 2, 500, 3)

    expect(makeFlow('nq', 2, 500, 3)).toEqual(flow)
    expect(makeFlow('nq', 2, 500, 4).records).not.toEqual(flow.records)
    expect(answersOf(flow).trades).toBeGreaterThan(20)
  })
})

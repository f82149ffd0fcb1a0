import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Command, PlaceOrder } from '#domain/trading/commands.ts'
import { decodeOrdersFrame, encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { anyCommand } from '#test/support/random-frames.ts'
import { commandOf, nextCommandId, testSpecification } from '#test/support/tape.ts'

const lane = 3
const commands: readonly Command[] = [
  { ...commandOf('ann buys 5 @ 100 as a1'), clientOrderId: 'näme' } as PlaceOrder,
  commandOf('ann amends a1 to 3 @ 101'),
  commandOf('ann cancels a1'),
  { type: 'open-account', commandId: nextCommandId(), account: 'ann' },
  { type: 'deposit', commandId: nextCommandId(), accountId: 1, amountMicros: 2_500_000 },
  { type: 'list-instrument', commandId: nextCommandId(), specification: testSpecification },
  { type: 'expire-instrument', commandId: nextCommandId(), instrumentId: 1 },
]
const frame = encodeOrdersFrame(lane, commands)

/** With a checksum that fits, so that only what is inside can be wrong. */
const sealed = (bytes: Uint8Array): Uint8Array => {
  const checksum = crc32(bytes.subarray(20), crc32(bytes.subarray(0, 16)))
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(16, checksum, true)
  return bytes
}
const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array => {
  const copy = bytes.slice()
  copy[at] = value
  return copy
}

describe('a frame of commands', () => {
  test('gives back what was put in, command by command', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 12 }), fc.integer({ min: 0, max: 65_535 }), (commands, lane) => {
        expect(decodeOrdersFrame(encodeOrdersFrame(lane, commands), lane)).toEqual({ ok: true, commands })
      }),
      { numRuns: 100 },
    )
  })

  test('lies as docs/protocol/orders.md has it', () => {
    const bytes = Buffer.from(encodeOrdersFrame(lane, commands.slice(0, 1)))

    expect(bytes.length).toBe(32 + 46 + 5)
    expect(bytes.subarray(0, 16).toString('hex')).toBe('43584631' + '0100' + '01' + '00' + '33000000' + '0100' + '0300')
    expect(bytes.subarray(20, 32).toString('hex')).toBe('00'.repeat(12))
    expect(bytes.subarray(32).toString('hex')).toBe(
      '3300' +
        '01' +
        '01' +
        '01000000' +
        '01000000' +
        '01000000' +
        '01900000000070008000' +
        '0000000000a1' +
        '64000000' +
        '05000000' +
        '00' +
        '00' +
        '00' +
        '00' +
        '0500' +
        '6ec3a46d65',
    )
  })

  test('of none is a tick', () => {
    expect(encodeOrdersFrame(lane, [])).toHaveLength(32)
    expect(decodeOrdersFrame(encodeOrdersFrame(lane, []), lane)).toEqual({ ok: true, commands: [] })
  })

  test('is refused with any byte changed', () => {
    const taken = [...frame.keys()].filter(at =>
      [0x01, 0x80, 0xff].some(bits => decodeOrdersFrame(changed(frame, at, (frame[at] ?? 0) ^ bits), lane).ok),
    )
    expect(taken).toEqual([])
  })

  test('is refused cut short anywhere, or with bytes behind it', () => {
    expect([...frame.keys()].filter(length => decodeOrdersFrame(frame.subarray(0, length), lane).ok)).toEqual([])
    expect(decodeOrdersFrame(Uint8Array.of(...frame, 0), lane)).toEqual({ ok: false, reason: 'wrong-length' })
  })

  test('with a checksum that fits is either refused or says exactly what its bytes say', () => {
    fc.assert(
      fc.property(
        fc.array(anyCommand, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        fc.nat({ max: 255 }),
        (some, where, value) => {
          const good = encodeOrdersFrame(lane, some)
          const bytes = sealed(changed(good, where % good.length, value))
          const decoded = decodeOrdersFrame(bytes, lane)
          if (decoded.ok) expect(encodeOrdersFrame(lane, decoded.commands)).toEqual(bytes)
        },
      ),
      { numRuns: 400 },
    )
  })

  test('made of any bytes at all never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
        expect(decodeOrdersFrame(bytes, lane).ok).toBe(false)
      }),
    )
  })

  test.each([
    ['too-short', frame.subarray(0, 31)],
    ['not-a-frame', changed(frame, 0, 0x44)],
    ['unknown-version', sealed(changed(frame, 4, 2))],
    ['unknown-version', sealed(changed(frame, 7, 1))],
    ['wrong-kind', sealed(changed(frame, 6, 2))],
    ['wrong-lane', sealed(changed(frame, 14, 4))],
    ['wrong-length', sealed(changed(frame, 8, 0))],
    ['wrong-checksum', changed(frame, 40, 9)],
    ['malformed-message', sealed(changed(frame, 12, 6))],
    ['malformed-message', sealed(changed(frame, 12, 8))],
    ['malformed-message', sealed(changed(frame, 20, 1))],
    ['malformed-message', sealed(changed(frame, 24, 1))],
    ['unknown-message', sealed(changed(frame, 34, 8))],
    ['unknown-message', sealed(changed(frame, 34, 0))],
    ['unknown-message', sealed(changed(frame, 35, 2))],
    ['malformed-message', sealed(changed(frame, 32, 50))],
    ['malformed-message', sealed(changed(frame, 32 + 40, 2))],
    ['malformed-message', sealed(changed(frame, 32 + 41, 1))],
    ['malformed-message', sealed(changed(frame, 32 + 43, 1))],
    ['malformed-message', sealed(changed(frame, 32 + 47, 0xff))],
  ])('is refused as %s', (reason, bytes) => {
    expect(decodeOrdersFrame(bytes, lane)).toEqual({ ok: false, reason })
  })

  test.each<[string, Partial<PlaceOrder>]>([
    ['a price beyond 32 bits', { priceTicks: 2 ** 31 }],
    ['a fraction of a lot', { quantityLots: 0.5 }],
    ['no number', { quantityLots: Number.NaN }],
    ['an account beyond 32 bits', { accountId: 2 ** 32 }],
    ['a negative account', { accountId: -1 }],
    ['an id that is no UUID', { orderId: 'a1' }],
    ['an id in capitals', { orderId: '01900000-0000-7000-8000-0000000000A1' }],
    ['a text too long', { clientOrderId: 'x'.repeat(257) }],
    ['a text with half a character', { clientOrderId: '\ud800' }],
    ['a market order that may rest', { orderType: 'market' }],
  ])('is not made of %s', (_, change) => {
    const order = { ...commandOf('ann buys 5 @ 100 as a1'), ...change } as PlaceOrder
    expect(() => encodeOrdersFrame(lane, [order])).toThrow(RangeError)
    expect(() => encodeOrdersFrame(70_000, [])).toThrow(RangeError)
  })
})

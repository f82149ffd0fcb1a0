import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Event, PoisonReason } from '#domain/trading/events.ts'
import {
  chainOf,
  decodeExecutionsFrame,
  type ExecutionsFrame,
  encodeEvents,
  encodeExecutionsFrame,
  eventId,
  firstChain,
  sectionHeaderBytes,
} from '#protocol/executions-frame.ts'
import { frameHeaderBytes } from '#protocol/frames.ts'
import { InvalidFrame } from '#protocol/wire.ts'
import { anyEvent, anyExecutionsFrame } from '#test/support/random-frames.ts'
import { nextCommandId, openMarket } from '#test/support/tape.ts'

const market = openMarket()
const events: readonly Event[] = market.events(
  'ann sells 5 @ 100 as a1',
  'bob buys 7 @ 101 as b1',
  'bob amends b1 to 6',
  'bob cancels b1',
  'bob cancels b1',
)
const sequence = '49590338271490256608559692538361571095921575989136588898'
const unchained = { inputSequence: sequence, atMillis: 1_800_000_000_123, firstIndex: 2, events }
const frame: ExecutionsFrame = {
  lane: 1,
  epoch: 7,
  firstOutSeq: 12_345_678_901,
  sections: [
    { ...unchained, chain: chainOf(firstChain, unchained) },
    { ...unchained, inputSequence: '0'.repeat(56), chain: 'ab'.repeat(16), events: [] },
  ],
}
const bytes = encodeExecutionsFrame(frame)

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

/** Why a frame is refused; undefined where it is not. */
const reasonOf = (bytes: Uint8Array): PoisonReason | undefined => {
  try {
    decodeExecutionsFrame(bytes)
    return undefined
  } catch (error) {
    if (error instanceof InvalidFrame) return error.reason
    throw error
  }
}

describe('a frame of events', () => {
  test('gives back what was put in, section by section', () => {
    expect(decodeExecutionsFrame(bytes)).toEqual(frame)
    fc.assert(
      fc.property(anyExecutionsFrame, frame => {
        expect(decodeExecutionsFrame(encodeExecutionsFrame(frame))).toEqual(frame)
      }),
      { numRuns: 100 },
    )
  })

  test('is as long as its parts', () => {
    expect(bytes).toHaveLength(frameHeaderBytes + 2 * sectionHeaderBytes + encodeEvents(events).length)
  })

  test('is refused with any byte changed', () => {
    const taken = [...bytes.keys()].filter(at =>
      [0x01, 0x80, 0xff].some(bits => reasonOf(changed(bytes, at, (bytes[at] ?? 0) ^ bits)) === undefined),
    )
    expect(taken).toEqual([])
  })

  test('is refused cut short anywhere, or with bytes behind it', () => {
    const taken = [...bytes.keys()].filter(length => reasonOf(bytes.subarray(0, length)) === undefined)
    expect(taken).toEqual([])
    expect(reasonOf(Uint8Array.of(...bytes, 0))).toBe('wrong-length')
  })

  test('with a checksum that fits is either refused or says exactly what its bytes say', () => {
    fc.assert(
      fc.property(anyExecutionsFrame, fc.nat(), fc.nat({ max: 255 }), (frame, where, value) => {
        const good = encodeExecutionsFrame(frame)
        const bytes = sealed(changed(good, where % good.length, value))
        if (reasonOf(bytes) === undefined) expect(encodeExecutionsFrame(decodeExecutionsFrame(bytes))).toEqual(bytes)
      }),
      { numRuns: 300 },
    )
  })

  test('names the reason', () => {
    expect(reasonOf(bytes.subarray(0, 10))).toBe('too-short')
    expect(reasonOf(sealed(changed(bytes, 6, 1)))).toBe('wrong-kind')
    expect(reasonOf(sealed(changed(bytes, frameHeaderBytes + 59, 1)))).toBe('malformed-message')
    expect(reasonOf(sealed(changed(bytes, frameHeaderBytes + sectionHeaderBytes + 2, 14)))).toBe('unknown-message')
  })

  test('is not made of a sequence number or a chain of another form', () => {
    for (const change of [
      { inputSequence: '123' },
      { inputSequence: 'x'.repeat(56) },
      { chain: 'ab' },
      { atMillis: 0.5 },
    ])
      expect(() =>
        encodeExecutionsFrame({ ...frame, sections: [{ ...unchained, chain: firstChain, ...change }] }),
      ).toThrow(RangeError)
  })

  test('keeps each event alike by itself', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 5 }), events => {
        expect(Buffer.from(encodeEvents(events))).toEqual(
          Buffer.concat(events.map(event => Buffer.from(encodeEvents([event])))),
        )
      }),
      { numRuns: 50 },
    )
  })
})

describe('the chain', () => {
  test('is the first half of SHA-256 over the chain before, the sequence, the time, the index and the events', () => {
    const header = Buffer.alloc(24 + 8 + 4)
    Buffer.from(BigInt(sequence).toString(16).padStart(48, '0'), 'hex').copy(header)
    header.writeBigInt64LE(1_800_000_000_123n, 24)
    header.writeUInt32LE(2, 32)
    const expected = createHash('sha256').update(Buffer.alloc(16)).update(header).update(encodeEvents(events))

    expect(chainOf(firstChain, unchained)).toBe(expected.digest('hex').slice(0, 32))
  })

  test('differs with anything before it', () => {
    const chain = chainOf(firstChain, unchained)

    expect(chainOf(chain, unchained)).not.toBe(chain)
    expect(chainOf(firstChain, { ...unchained, atMillis: 1 })).not.toBe(chain)
    expect(chainOf(firstChain, { ...unchained, events: events.slice(1) })).not.toBe(chain)
  })
})

test('an event id tells lane, record and place', () => {
  expect(eventId(2, sequence, 3)).toBe(`2:${sequence}:3`)
})

test('what answers the longest texts fits its message', () => {
  const longest = 'ü'.repeat(128)
  const order = market.events('ann buys 5 @ 100 as a5')[0]
  if (order?.type !== 'order-accepted') throw new Error('not accepted')
  const rejected: Event = { ...order, type: 'order-rejected', code: 'no-liquidity', clientOrderId: longest }
  const opened: Event = { type: 'account-opened', commandId: nextCommandId(), accountId: 1, account: longest }

  expect(encodeEvents([rejected, opened]).length).toBeLessThan(1_000)
})

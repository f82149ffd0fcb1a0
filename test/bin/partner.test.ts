import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { readReservations, readScript, scriptFile, startPartner } from '#bin/partner/on-the-laptop.ts'
import type { ListeningPartner } from '#bin/partner/stand-in.ts'

const nowMillis = Date.UTC(2026, 10, 27, 8, 30)
const at = (hour: number): string => new Date(Date.UTC(2026, 10, 27, hour)).toISOString()
let folder = ''
let partner: ListeningPartner
const start = () => startPartner(Promise.resolve({ dataDir: folder, now: () => nowMillis }))
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'partner-'))
  partner = await start()
})
afterEach(async () => {
  await partner.stop()
  rmSync(folder, { recursive: true })
})

const ask = async (method: string, path: string, body?: object) => {
  const response = await fetch(`${partner.url}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, told: text === '' ? undefined : JSON.parse(text) }
}
const of16 = (units: number, more: object = {}) => ({
  offer_id: 'gcp:quote:h100',
  units,
  starts_at: at(10),
  ends_at: at(12),
  price_micros: 2_400_000,
  ...more,
})
const reserve = (id: string, body: object) => ask('PUT', `/reservations/${id}`, body)
const behave = (behaviours: object) =>
  writeFileSync(scriptFile(folder), JSON.stringify({ ...readScript(folder), behaviours }))

describe('the stand-in of a partner', () => {
  test('promises no unit of an hour twice, and tells what is left', async () => {
    expect((await reserve('a', of16(10))).status).toBe(201)
    expect(await reserve('b', of16(7))).toEqual({ status: 409, told: { reason: 'sold out: 6 units are left' } })
    expect((await reserve('c', of16(16, { starts_at: at(12), ends_at: at(13) }))).status).toBe(201)
    expect((await reserve('d', of16(6))).status).toBe(201)
    expect((await ask('GET', `/quotes?region=us-central1&starts_at=${at(9)}&ends_at=${at(11)}`)).told).toEqual({
      quotes: [],
    })
    expect((await ask('GET', `/quotes?region=us-central1&starts_at=${at(8)}&ends_at=${at(10)}`)).told).toMatchObject({
      quotes: [{ quote_id: 'h100', available_units: 16, price: '2.4', accept_until: '2026-11-27T08:45:00.000Z' }],
    })
    await ask('DELETE', '/reservations/d')
    expect((await ask('GET', `/quotes?region=us-central1&starts_at=${at(9)}&ends_at=${at(11)}`)).told).toMatchObject({
      quotes: [{ available_units: 6 }],
    })
  })

  test('keeps a reservation under its id, and takes none after it was withdrawn, also once it is begun anew', async () => {
    const first = await reserve('a', of16(10))
    await ask('DELETE', '/reservations/b')
    await partner.stop()
    partner = await start()
    expect(await reserve('a', of16(10))).toEqual({ ...first, status: 200 })
    expect((await reserve('a', of16(9))).status).toBe(422)
    expect(await reserve('b', of16(1))).toEqual({ status: 409, told: { reason: 'it was withdrawn' } })
    expect([...readReservations(folder).keys()]).toEqual(['a'])
  })

  test('refuses what it does not quote: names, hours, prices', async () => {
    for (const [status, body] of [
      [410, of16(1, { offer_id: 'gcp:quote:none' })],
      [422, of16(1, { starts_at: at(7) })],
      [422, of16(1, { price_micros: 2_399_999 })],
      [400, of16(0)],
      [400, {}],
    ] as const)
      expect((await reserve('a', body)).status).toBe(status)
    expect(readReservations(folder).size).toBe(0)
    // List prices have no end.
    expect((await reserve('a', of16(500, { offer_id: 'gcp:us-central1:a3-highgpu-1g:spot' }))).status).toBe(201)
  })

  test('does what it is told, request by request, and counts anew when it is told anew', async () => {
    behave({ reserve: [503, 'decline', 'succeed'] })
    const statuses = async () => [
      (await reserve('a', of16(1))).status,
      (await reserve('a', of16(1))).status,
      (await reserve('a', of16(1))).status,
    ]
    expect(await statuses()).toEqual([503, 409, 201])
    expect((await reserve('b', of16(1))).status).toBe(503)
    behave({ all: ['fail', 'succeed'] })
    expect(await statuses()).toEqual([500, 200, 200])
    behave({ reserve: ['slow'], quotes: ['decline'] })
    expect((await reserve('c', of16(1))).status).toBe(201)
    expect((await ask('GET', '/quotes/h100')).status).toBe(404)
  }, 20_000)

  test('that dies has done it, and one that ignores has not; neither says so', async () => {
    for (const [behaviour, left] of [
      ['ignore', []],
      ['die', ['a']],
    ] as const) {
      behave({ reserve: [behaviour] })
      const silent = fetch(`${partner.url}/reservations/a`, {
        method: 'PUT',
        body: JSON.stringify(of16(1)),
        signal: AbortSignal.timeout(1_000),
      })
      await expect(silent).rejects.toThrow('timeout')
      expect([...readReservations(folder).keys()]).toEqual(left)
    }
    const lines = readFileSync(join(folder, 'partner-reservations.jsonl'), 'utf8').trim().split('\n')
    expect(lines).toHaveLength(1)
  })
})

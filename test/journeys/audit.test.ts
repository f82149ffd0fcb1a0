import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** Things are done and refused; the auditor reads them, and a tampered copy of the archive is found out. */

const root = join(import.meta.dirname, '..', '..')

let exchange: RunningExchange
beforeAll(async () => {
  exchange = await runningExchange()
}, 180_000)
type Record_ = Readonly<Record<string, unknown>>

/** All of today's records, by the API. */
const readRecords = async (): Promise<readonly Record_[]> => {
  const auditor = await exchange.as('audrey', 'auditor')
  const found: Record_[] = []
  let cursor = ''
  do {
    const page = await auditor.call(
      'GET',
      `/api/v1/audit?date=${new Date().toISOString().slice(0, 10)}&limit=50${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    expect(page.status).toBe(200)
    const { data, next_cursor: next } = page.body
    if (Array.isArray(data)) found.push(...data)
    cursor = typeof next === 'string' ? next : ''
  } while (cursor !== '')
  return found
}

const verify = (folder: string): Promise<{ readonly code: number; readonly stdout: string }> => {
  const { NODE_OPTIONS: _, ...env } = process.env
  return new Promise(resolve => {
    execFile(process.execPath, ['bin/verify-audit.ts', folder], { cwd: root, env }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout }),
    )
  })
}

describe('the audit trail', () => {
  test('has what was done, what was refused and by whom, and not what was read', async () => {
    const account = 'audited'
    const client = await exchange.as(account)
    const stranger = '01234567-89ab-4def-8123-456789abcdef'
    const body = { account }
    const opened = await client.call('POST', '/api/v1/accounts', body, { prefer: 'wait=10' })
    expect(opened.status).toBe(200)
    expect((await client.call('GET', `/api/v1/accounts/${account}`)).status).toBe(200)
    expect((await client.call('GET', `/api/v1/orders/${stranger}`)).status).toBe(404)
    expect((await client.call('GET', '/api/v1/audit?date=2026-07-21')).status).toBe(403)
    expect((await client.call('POST', '/api/v1/orders', { nonsense: true })).status).toBe(400)
    const nobody = await fetch(`${exchange.url}/api/v1/orders/by-nobody`, { method: 'DELETE' })
    expect(nobody.status).toBe(401)
    const authorization = 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.x'
    const forged = await fetch(`${exchange.url}/api/v1/trades`, { headers: { authorization } })
    expect(forged.status).toBe(401)

    const idOf = (response: Response) => response.headers.get('x-request-id')
    const records = await eventually(readRecords, found => {
      const has = (id: string | null) => found.some(({ request_id }) => request_id === id)
      return has(idOf(nobody)) && has(idOf(forged)) && found.filter(each => each['account'] === account).length >= 4
    })
    // Functions tell side by side: only one's own lines are in order.
    const summary = (each: Record_) => `${each['operation']} ${each['status']} ${each['code']}`
    const own = records.filter(each => each['account'] === account).map(summary)
    expect(own.sort()).toEqual([
      'get-order 404 unknown-order',
      'list-audit-records 403 forbidden',
      'open-account 200 null',
      'place-order 400 invalid-request',
    ])
    expect(
      records.find(({ operation, account: who }) => operation === 'open-account' && who === account),
    ).toMatchObject({
      role: 'trader',
      credential: account,
      address: '127.0.0.1',
      method: 'POST',
      path: '/api/v1/accounts',
      body_sha256: createHash('sha256').update(JSON.stringify(body)).digest('hex'),
    })
    for (const [response, operation] of [
      [nobody, 'cancel-order'],
      [forged, 'list-trades'],
    ] as const) {
      const found = records.filter(({ request_id }) => request_id === idOf(response))
      expect(found).toMatchObject([{ operation, status: 401, code: 'unauthorized', account: null }])
    }
    expect(JSON.stringify(records)).not.toContain('eyJ')
  }, 120_000)

  test('is whole in the archive; a tampered copy is found out', async () => {
    const whole = await eventually(
      () => verify(exchange.dataDir),
      ({ code }) => code === 0,
    )
    expect(whole.stdout).toMatch(/^[1-9]\d* records of 1 days checked, 0 faults$/m)

    const copy = mkdtempSync(join(tmpdir(), 'tampered-'))
    cpSync(join(exchange.dataDir, 's3'), copy, { recursive: true })
    const object = readdirSync(copy, { recursive: true, encoding: 'utf8' }).find(
      file => file.includes('.jsonl') && readFileSync(join(copy, file), 'utf8').includes('"account":"audited"'),
    )
    if (object === undefined) throw new Error('the record is in no object')
    const text = readFileSync(join(copy, object), 'utf8')
    writeFileSync(join(copy, object), text.replace('"account":"audited"', '"account":"another"'))
    const tampered = await verify(copy)
    rmSync(copy, { recursive: true })
    expect(tampered.code).toBe(1)
    expect(tampered.stdout).toMatch(/^changed: record \d+ of /m)
  }, 120_000)
})

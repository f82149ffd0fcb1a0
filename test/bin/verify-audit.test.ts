import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { append, genesis, segmentName } from '#domain/compliance/audit-chain.ts'

const folder = mkdtempSync(join(tmpdir(), 'verify-audit-'))
const lines: string[] = []
let last = ''

beforeAll(() => {
  let end = genesis
  for (const line of [1, 2, 3]) {
    const none = { account: null, role: null, credential: null, address: null, request_id: null, method: null }
    const empty = { operation: null, path: null, body_sha256: null, status: 401, code: 'unauthorized' }
    const chained = append(end, '2026-07-21', { id: `t:${line}`, teller: 't', line, time: '', ...none, ...empty })
    end = chained.end
    lines.push(chained.text)
  }
  last = end.hash
})
afterAll(() => rmSync(folder, { recursive: true }))

const verify = (...args: readonly string[]) => {
  const { NODE_OPTIONS: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/verify-audit.ts', ...args], {
    cwd: join(import.meta.dirname, '..', '..'),
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}

const write = (name: string, files: Readonly<Record<string, string>>): string => {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name, file)), { recursive: true })
    writeFileSync(join(folder, name, file), content)
  }
  return join(folder, name)
}

test('a whole folder, as synchronized and as the local exchange keeps it', () => {
  const [one, two] = [
    segmentName({ date: '2026-07-21', first: 1, last: 2 }),
    segmentName({ date: '2026-07-21', first: 3, last: 3 }),
  ]
  const synchronized = write('whole', {
    [one]: `${lines.slice(0, 2).join('\n')}\n`,
    [two]: `${lines[2]}\n`,
    'notes.txt': 'x',
  })
  expect(verify(synchronized, '--through', last)).toMatchObject({
    status: 0,
    stdout: `3 records of 1 days checked, 0 faults\nlast: record 3 of 2026-07-21, hash ${last}\n`,
  })
  const local = write('local', {
    [`s3/audit/${one}%object`]: `{"size":1}\n${lines.slice(0, 2).join('\n')}\n`,
    [`s3/audit/${two}%object`]: `{"size":1}\n${lines[2]}\n`,
  })
  expect(verify(local)).toMatchObject({ status: 0, stdout: expect.stringContaining('3 records of 1 days') })
})

test('a changed record is named', () => {
  const name = segmentName({ date: '2026-07-21', first: 1, last: 3 })
  const text = lines.join('\n').replace('"status":401', '"status":200')
  const { status, stdout } = verify(write('changed', { [name]: `${text}\n` }))
  expect(status).toBe(1)
  expect(stdout).toContain('changed: record 1 of 2026-07-21')
})

test('without records it tells how to get them', () => {
  expect(verify()).toMatchObject({ status: 2, stderr: expect.stringContaining('aws s3 sync') })
  expect(verify(write('empty', { 'notes.txt': '' }))).toMatchObject({ status: 2 })
  expect(verify(join(folder, 'nowhere'))).toMatchObject({ status: 2, stderr: expect.stringContaining('no folder') })
})

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import { readCatalogueFile } from '#bin/import-catalog/file.ts'
import { formats, mostRows, screenPrices } from '#domain/partners/catalogue-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'catalogue-'))
afterAll(() => rmSync(folder, { recursive: true }))
const today = Date.UTC(2026, 10, 23)
const header = formats.gcp.header.join(',')
const row = (region: string, price = '3.67') => `2026-11-01,a2-highgpu-1g,${region},${price},1.1,2681.57,1689.37,938.56`
const write = (name: string, content: string | Buffer): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}
const problems = async (path: string, provider: 'gcp' | 'generic' = 'gcp') => {
  const read = await readCatalogueFile(provider, path, today)
  if (!('problems' in read)) throw new Error('it was read')
  return read.problems.map(({ line, problem }) => `${line}: ${problem}`)
}

describe('a file', () => {
  test('is read whole, plain or packed', async () => {
    const text = `\ufeff${[header, row('us-central1'), row('us-east1')].join('\r\n')}\r\n`
    for (const path of [write('a.csv', text), write('a.csv.gz', gzipSync(text))])
      expect(await readCatalogueFile('gcp', path, today)).toMatchObject({ rows: 2, prices: { length: 8 } })
  })

  test('that is wrong is told by line, and nothing of it is taken', async () => {
    const lines = [header, row('us-central1'), row('us-east1', 'NaN'), row('us-west1'), row('us-west2', '-1')]
    expect(await problems(write('b.csv', lines.join('\n')))).toEqual([
      '3: hour_ondemand_usd "NaN" is no price',
      '5: hour_ondemand_usd "-1" is no price',
    ])
    expect((await problems(write('c.csv', row('a'))))[0]).toMatch(/^1: this is no catalogue of gcp/)
    expect(await problems(write('d.csv', ''))).toEqual(['1: the file is empty'])
    expect(await problems(write('e.csv', header))).toEqual(['1: there is a header and nothing else'])
    expect((await problems(write('f.csv', `${header}\n"half`)))[0]).toContain('is no CSV')
    expect(await problems(write('g.csv', `${header}\n${'x,'.repeat(90)}`))).toEqual([
      '2: has 91 cells, where the header has 8',
    ])
    await expect(readCatalogueFile('gcp', join(folder, 'none.csv'), today)).rejects.toThrow('ENOENT')
    await expect(readCatalogueFile('gcp', write('h.csv.gz', 'no gzip'), today)).rejects.toThrow()
  })

  test('of twenty faults and more no more is read', async () => {
    const lines = [header, ...Array.from({ length: 100 }, () => row('us-east1', 'x'))]
    expect(await problems(write('i.csv', lines.join('\n')))).toHaveLength(20)
  })

  test('of a million rows is refused at the first that is too many', async () => {
    const path = write('j.csv', `${header}\n${`${row('us-central1')}\n`.repeat(1_000_000)}`)
    expect(await problems(path)).toEqual([
      `${mostRows + 2}: is row ${mostRows + 1}: no catalogue may have more than ${mostRows}`,
    ])
  }, 120_000)
})

const program = (...args: readonly string[]) =>
  new Promise<{ code: number | null; out: string; err: string }>(resolve => {
    const child = spawn(process.execPath, ['bin/import-catalog.ts', ...args], {
      env: { ...process.env, EXCHANGE_URL: url },
    })
    let [out, err] = ['', '']
    child.stdout.on('data', chunk => {
      out += String(chunk)
    })
    child.stderr.on('data', chunk => {
      err += String(chunk)
    })
    child.on('close', code => resolve({ code, out, err }))
  })
let url = 'http://127.0.0.1:9'
const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

describe('the program', () => {
  test('sends all in pieces and completes it; a piece that is refused leaves what was in force', async () => {
    const asked: string[] = []
    let refuses = false
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', chunk => {
        body += String(chunk)
      })
      request.on('end', () => {
        asked.push(`${request.method} ${request.url} ${body.length > 64 * 1024 ? 'too long' : ''}`.trim())
        const isPiece = request.url?.endsWith('/products') === true
        const status = isPiece && refuses ? 400 : request.url?.endsWith('/catalogues') === true ? 201 : 200
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ access_token: 't', import_id: 'i' }))
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    open.push(() => server.close())
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const lines = [
      header,
      ...Array.from({ length: 900 }, (_, index) => row(`region-${index}`, index === 3 ? '0.5' : '3.67')),
    ]
    const path = write('k.csv', lines.join('\n'))
    const done = await program('gcp', path)
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(done.out).toContain('900 rows, 3600 prices of 899 products')
    expect(done.out).toContain('line 5: a2-highgpu-1g in region-3, on_demand 0.5: is 7.3 times below the median')
    expect(done.out).toContain('In force as import i')
    expect([asked[0], asked[1], asked.at(-1)]).toEqual([
      'POST /oidc/token',
      'POST /api/v1/partners/catalogues',
      'POST /api/v1/partners/catalogues/gcp/i/completion',
    ])
    expect(asked.filter(each => each === 'POST /api/v1/partners/catalogues/gcp/i/products').length).toBeGreaterThan(1)
    asked.length = 0
    refuses = true
    const refused = await program('gcp', path)
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('What was in force still is.')])
    expect(asked.some(each => each.includes('completion'))).toBe(false)
    asked.length = 0
    const wrong = await program('gcp', write('l.csv', `${header}\n${row('a', 'NaN')}`))
    expect([wrong.code, wrong.err, asked]).toEqual([
      1,
      expect.stringMatching(/line 2: .*NaN.*\nNothing was imported/),
      [],
    ])
  }, 60_000)

  test('that cannot run says so', async () => {
    url = 'http://127.0.0.1:9'
    expect((await program()).err).toMatch(/^usage: npm run import-catalog/)
    const codes = await Promise.all([
      program('nobody', 'x'),
      program('gcp', join(folder, 'none.csv')),
      program('gcp', write('m.csv', `${header}\n${row('a')}`)),
    ])
    expect(codes.map(({ code }) => code)).toEqual([2, 2, 2])
  }, 60_000)
})

const prices = join(import.meta.dirname, '../../../shared/data/prices')
const files = [
  ['gcp', 'gcp_compute_price_changes_2022-2026.csv.gz', 21_437],
  ['generic', 'gpu_offers.csv', 50],
] as const
const there = existsSync(join(prices, files[0][1]))
if (!there) process.stderr.write(`${prices} is not there: the real catalogues are not read\n`)

describe('the real catalogues', () => {
  ;(there ? test : test.skip).each(files)('%s: %s, every row', async (provider, file, rows) => {
    const read = await readCatalogueFile(provider, join(prices, file), today)
    if ('problems' in read) throw new Error(JSON.stringify(read.problems))
    expect(read.rows).toBe(rows)
    const { products, screened } = screenPrices(read.prices)
    const kept = products.flatMap(({ history }) =>
      history.flatMap(({ micros }) => Object.values(micros).filter(each => each !== null)),
    )
    // Each price is either kept or told.
    expect(kept.length + screened.length).toBe(read.prices.length)
    expect(screened.length).toBeLessThan(read.prices.length / 50)
    if (provider === 'gcp')
      // An A2 without its GPU.
      expect(screened).toContainEqual(
        expect.objectContaining({ line: 21, product: 'a2-highgpu-1g', pricing: 'on_demand', text: '0.688136' }),
      )
  })
})

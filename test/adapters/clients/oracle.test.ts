import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from '@jest/globals'
import { oracle, oracleAt } from '#adapters/clients/oracle.ts'
import { oracleEnvironmentVariable } from '#protocol/oracle.ts'

/** Busy as the machine may be, who answers does so in time. */
const patient = { timeoutMillis: 60_000, mostRetries: 2, firstPauseMillis: 5, openMillis: 2_000 }
/** For services that are silent at some point, where one that answers may also be late. */
const hasty = { ...patient, timeoutMillis: 2_000 }
const quotes = [{ source: 'a', level: '2.55', timestamp: '2026-11-22T10:00:00.000Z' }]

type Answer = (request: IncomingMessage, response: ServerResponse) => void

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

/** A service that gives these answers one after the other, the last one for ever. */
const serviceOf = async (...answers: readonly Answer[]) => {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(String(request.url))
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { url: `http://127.0.0.1:${address.port}`, asked }
}

const saying =
  (status: number, body: unknown): Answer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
const good = saying(200, { quotes })
const silent: Answer = () => undefined

describe('the oracle service', () => {
  test('is asked by the name of the index, and tells its quotes', async () => {
    const { url, asked } = await serviceOf(good)
    expect(await oracleAt(`${url}/feed/`, patient).quotesOf('H100.USE')).toEqual(quotes)
    expect(asked).toEqual(['/feed/quotes?index=H100.USE'])
  })

  test('is asked again where it fails or is silent for too long', async () => {
    const { url, asked } = await serviceOf(saying(500, {}), silent, good)
    expect(await oracleAt(url, hasty).quotesOf('H100.USE')).toEqual(quotes)
    expect(asked).toHaveLength(3)
  })

  test('is given up after so many times', async () => {
    const { url, asked } = await serviceOf(saying(503, {}))
    await expect(oracleAt(url, patient).quotesOf('H100.USE')).rejects.toThrow('answers 503')
    expect(asked).toHaveLength(3)
  })

  test('is left alone once it keeps failing, for all indices, and tried again after a while', async () => {
    const { url, asked } = await serviceOf(...Array.from({ length: 5 }, () => saying(500, {})), good)
    const service = oracleAt(url, patient)
    for (const index of ['A', 'B', 'C', 'D']) await expect(service.quotesOf(index)).rejects.toThrow()
    expect(asked).toHaveLength(5)
    await expect(service.quotesOf('E')).rejects.toThrow(/circuit/i)
    expect(asked).toHaveLength(5)
    await new Promise(resolve => setTimeout(resolve, 2_050))
    expect(await service.quotesOf('F')).toEqual(quotes)
    expect(await service.quotesOf('G')).toEqual(quotes)
  })

  test('that does not know an index is not asked for it again, and not blamed for it', async () => {
    const { url, asked } = await serviceOf(...Array.from({ length: 9 }, () => saying(404, {})), good)
    const service = oracleAt(url, patient)
    for (let at = 0; at < 9; at++) await expect(service.quotesOf('X')).rejects.toThrow('refuses: 404')
    expect(asked).toHaveLength(9)
    expect(await service.quotesOf('H100.USE')).toEqual(quotes)
  })

  test.each<[string, Answer]>([
    ['no JSON', (_, response) => void response.end('<html>')],
    ['another document', saying(200, { data: [] })],
    ['numbers for levels', saying(200, { quotes: [{ ...quotes[0], level: 2.55 }] })],
    ['times that are none', saying(200, { quotes: [{ ...quotes[0], timestamp: 'now' }] })],
    ['more than an answer holds', saying(200, { quotes, more: 'x'.repeat(300_000) })],
    ['more quotes than there can be sources', saying(200, { quotes: Array.from({ length: 201 }, () => quotes[0]) })],
    ['somewhere else', (_, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['half of it', (_, response) => void response.writeHead(200, { 'content-length': 100 }).write('{"quotes":')],
  ])('that answers with %s has told nothing', async (_, answer) => {
    const { url } = await serviceOf(answer)
    await expect(oracleAt(url, { ...hasty, mostRetries: 1 }).quotesOf('H100.USE')).rejects.toThrow()
  })

  test('that nobody listens at is told', async () => {
    await expect(oracleAt('http://127.0.0.1:1', patient).quotesOf('H100.USE')).rejects.toThrow()
  })

  test('is none where the tenant has none', () => {
    process.env[oracleEnvironmentVariable] = ''
    expect(oracle()).toBeUndefined()
  })
})

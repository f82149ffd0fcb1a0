/** How a test file asks for what it shares with others: see services.ts. */

import { get } from 'node:http'
import { text } from 'node:stream/consumers'

export const addressVariable = 'TEST_SERVICES'
export const storesRegion = 'eu-central-1'
export const storesAccount = '123456789012'

export const ask = async (service: string, about = ''): Promise<unknown> => {
  const address = process.env[addressVariable]
  if (address === undefined) throw new Error(`${addressVariable} is not set: jest's globalSetup has not run`)
  // Not by fetch, which gives up after five minutes, and takes a connection that the busy other end has closed by then.
  return new Promise((resolve, reject) => {
    get(`${address}/${service}?for=${encodeURIComponent(about)}`, { agent: false }, response => {
      text(response).then(told => {
        if (response.statusCode === 200) resolve(JSON.parse(told))
        else reject(new Error(`${service}: ${told}`))
      }, reject)
    }).on('error', reject)
  })
}

/** The endpoint of a server in which each test file has tables or streams under names of its own. */
export const askForStore = async (store: 'dynamodb' | 'kinesis'): Promise<string> => {
  const told = await ask(store)
  if (typeof told === 'object' && told !== null && 'endpoint' in told) return String(told.endpoint)
  throw new Error(`no endpoint of ${store}: ${JSON.stringify(told)}`)
}

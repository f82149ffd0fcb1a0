/** How a test file asks for what it shares with others: see services.ts. */

export const addressVariable = 'TEST_SERVICES'
export const storesRegion = 'eu-central-1'
export const storesAccount = '123456789012'

export const ask = async (service: string, about = ''): Promise<unknown> => {
  const address = process.env[addressVariable]
  if (address === undefined) throw new Error(`${addressVariable} is not set: jest's globalSetup has not run`)
  const response = await fetch(`${address}/${service}?for=${encodeURIComponent(about)}`)
  if (!response.ok) throw new Error(`${service}: ${await response.text()}`)
  return response.json()
}

/** The endpoint of a server in which each test file has tables or streams under names of its own. */
export const askForStore = async (store: 'dynamodb' | 'kinesis'): Promise<string> => {
  const told = await ask(store)
  if (typeof told === 'object' && told !== null && 'endpoint' in told) return String(told.endpoint)
  throw new Error(`no endpoint of ${store}: ${JSON.stringify(told)}`)
}

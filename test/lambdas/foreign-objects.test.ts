import { describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Operation } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { validRequest } from '#test/support/hostile-requests.ts'
import { absent, foreign, openWholeApi } from '#test/support/whole-api.ts'

/**
 * Every operation that names an object, tried with another account's: it is answered as one that is not there. Which
 * operations do, is read from the registry; a field that nobody has said anything about fails.
 */

const api = openWholeApi()

/** Names that are nobody's alone, or the caller's own to choose. */
const nobodys: Readonly<Record<string, string>> = {
  instrument_name: 'everybody trades it',
  grid: 'a rule by which everybody’s contracts are listed',
  underlying: 'everybody trades it',
  market: 'everybody bids in it',
  delivery_date: 'everybody bids for it',
  index: 'everybody settles on it',
  series: 'everybody settles on it',
  client_order_id: 'a name among the account’s own requests',
  name: 'a name among the account’s own keys',
  group: 'a name among the account’s own groups of quotes',
  scope: 'no object: what kind of one the subject is',
  subject: 'whoever may stop one account, firm or lane may stop each',
  lane: 'whoever may look at one lane, or operate one, may each',
  trade_id: 'whoever may ask for a bust may ask for each',
  provider_account: 'whoever may register contracts may for every two accounts',
  buyer_account: 'whoever may register contracts may for every two accounts',
  bust_id: 'whoever may approve a bust may approve each that another has asked for',
  opportunity_id: 'made of prices that everybody sees: only what is found for the account can be executed',
  plan_id: 'everybody may read a plan; what it has decided for an account only that account is told',
  import_id: 'whoever may import a catalogue may go on with each import, and everybody may read them',
  provider: 'everybody’s',
  file_name: 'what whoever imports it calls it',
  request_id: 'whoever may approve looser limits may approve each that another has asked for',
}

/** Operations whose very purpose is another's object, and whose permission says so. */
const meantForOthers: Readonly<Record<string, string>> = {
  'request-trade-bust': 'a market operator’s, about trades of others',
  'set-risk-limits': 'a risk manager’s, about accounts of others',
  'resume-liquidation': 'a risk manager’s, about accounts of others',
  'preempt-capacity-allocation': 'a market operator’s, who tells what providers take back from others',
  'deposit-cash': 'a market operator’s, who funds accounts of others',
  'move-collateral': 'a market operator’s, who keeps assets for accounts of others',
  'answer-provisioning': 'the provisioning service’s, about deliveries of others',
  'create-sla-contract': 'a market operator’s, about what others have promised each other',
}

/** Another's account is refused before anything is looked up: 403 that tells nothing of whether there is one. */
const refusedUnread = new Set(['open-account'])

/** How they say of an account that is named beside one's own that there is none. */
const tellsNone: Readonly<Record<string, readonly [status: number, code: string]>> = {
  'withdraw-cash': [422, 'unknown-account'],
  'transfer-cash': [422, 'unknown-account'],
  'list-collateral': [404, 'not-found'],
  'list-positions': [404, 'not-found'],
  'get-own-account': [404, 'not-found'],
  'list-ledger-entries': [404, 'not-found'],
  'get-margin': [404, 'not-found'],
  'preview-margin': [404, 'not-found'],
  'get-margin-statement': [404, 'not-found'],
  'stress-risk': [404, 'not-found'],
  'purchase-capacity': [404, 'not-found'],
}

const isField = (name: string): name is keyof typeof foreign => Object.hasOwn(foreign, name)

const namesOf = (schema: z.ZodType | undefined): readonly string[] => {
  const inner = schema instanceof z.ZodOptional ? schema.unwrap() : schema
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
}

/** Whatever stands in the path, and what is called an id, a name or an account elsewhere. */
const objectsOf = ({ path, request }: Operation): readonly string[] => [
  ...new Set([
    ...[...path.matchAll(/\{(\w+)\}/g)].flatMap(([, name]) => name ?? []),
    ...[...namesOf(request.query), ...namesOf(request.body)].filter(name =>
      /(?:^|_)(?:id|name|account|underlying)$/.test(name),
    ),
  ]),
]

const naming = operations.filter(operation => objectsOf(operation).length > 0)

test('every field that names an object is either another’s in a test, or nobody’s for a reason', () => {
  const unknown = naming.flatMap(operation =>
    objectsOf(operation)
      .filter(name => !isField(name) && nobodys[name] === undefined)
      .map(name => `${operation.name}: ${name}`),
  )
  expect(unknown).toEqual([])
  expect(naming.flatMap(objectsOf).filter(isField).length).toBeGreaterThanOrEqual(8)
})

describe.each(
  naming.flatMap(operation =>
    objectsOf(operation)
      .filter(isField)
      .filter(() => meantForOthers[operation.name] === undefined)
      .map(field => [operation.name, field, operation] as const),
  ),
)('%s with the %s of another account', (name, field, operation) => {
  const ask = async (value: string) => {
    api.reset()
    const request = validRequest(operation, { ...api.knownTo(operation), [field]: value })
    const { status, headers, body, text } = await api.send(operation, request)
    // How its rate stands differs from one request to the next.
    const told = Object.entries(headers).filter(([each]) => !each.startsWith('ratelimit-'))
    return { status, headers: told, code: body['code'], body, text: text.replaceAll(value, '…'), traces: api.traces() }
  }

  test('is answered as with one that is not there', async () => {
    const own = await ask(String(api.knownTo(operation)[field]))
    expect(own.status).toBeLessThan(300)
    const theirs = await ask(foreign[field])
    const nobodysOwn = await ask(absent[field])
    expect(theirs).toEqual({ ...nobodysOwn, body: theirs.body })
    expect(theirs.traces).toEqual([])
    if (operation.path.includes(`{${field}}`)) expect(theirs.status).toBe(404)
    else if (refusedUnread.has(name)) expect([theirs.status, theirs.code]).toEqual([403, 'forbidden'])
    else if (tellsNone[name] !== undefined) expect([theirs.status, theirs.code]).toEqual(tellsNone[name])
    // As a filter it finds nothing.
    else expect([theirs.status, theirs.body['data']]).toEqual([200, []])
  })
})

import * as z from 'zod'
import { type AccountNumberRow, accountsNumbered } from '#adapters/tables/account-numbers.ts'
import * as entries from '#adapters/tables/ledger-entries.ts'
import { laneOfAccountId } from '#domain/ledger/accounts.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { ledgerEntry, listLedgerEntries } from '#protocol/operations/ledger.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { pollUntil } from '../shell/wait.ts'
import { namedAccount } from './named-account.ts'

const defaultLimit = 100

/** The sort key of the table. */
const entryKey = z.string().regex(/^[0-9]{1,5}-[0-9]{16}-[0-9]{1,3}$/)

type Told = z.infer<typeof ledgerEntry>

export const handle: Handle<typeof listLedgerEntries> = async ({ query, principal, headers }) => {
  const account = await namedAccount(principal, query.account ?? principal.account)
  if (account === undefined) return { code: query.account === undefined ? 'account-not-open' : 'not-found' }
  const scope = cursorScope('list-ledger-entries', account.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, entryKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await entries.listLedgerEntries(account.accountId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  const counters = new Set(rows.flatMap(({ counterAccountId }) => counterAccountId ?? []))
  const known = await namesOf(counters)
  const data = rows.map((row): Told => {
    const counter = row.counterAccountId === undefined ? undefined : known.get(row.counterAccountId)
    return {
      entry_id: entries.entryIdOf(row),
      timestamp: new Date(row.atMillis).toISOString(),
      kind: row.kind,
      reference: row.reference,
      instrument_name: row.instrumentName ?? null,
      // Of another firm it is nobody's business who it was.
      counter_account: counter?.firm === account.firm ? counter.account : null,
      amount: decimalOfMicros(row.amountMicros),
      fee: decimalOfMicros(row.feeMicros),
      balance: decimalOfMicros(row.balanceMicros),
    }
  })
  const next_cursor = next === undefined ? null : encodeCursor(scope, next)
  if (!prefersCsv(headers['accept'])) return { status: 200, body: { data, next_cursor } }
  // The names of its columns are those of the JSON; a page that is not the last says where the next one is.
  return {
    status: 200,
    body: csvOf(data),
    ...(next_cursor !== null && { headers: { link: linkTo(next_cursor, query) } }),
  }
}

const longestWaitForNamesMillis = 2_000

/** A projector of its own names accounts, and may come after the one that wrote the entries. */
const namesOf = async (accountIds: ReadonlySet<number>): Promise<ReadonlyMap<number, AccountNumberRow>> => {
  if (accountIds.size === 0) return new Map()
  // Cash between an account's lanes has its other end in another lane.
  const byLane = Map.groupBy(accountIds, laneOfAccountId)
  const thereAre = async () => {
    const found = await Promise.all([...byLane].map(([lane, ids]) => accountsNumbered(lane, ids)))
    return new Map(found.flatMap(each => [...each]))
  }
  const all = async () => {
    const found = await thereAre()
    return found.size === accountIds.size ? found : undefined
  }
  const found = (await all()) ?? (await pollUntil(all, performance.now() + longestWaitForNamesMillis))
  return found ?? thereAre()
}

/** Named, and not behind JSON. */
const prefersCsv = (accept: string | undefined): boolean => {
  const types = (accept ?? '').split(',').map(type => type.split(';')[0]?.trim().toLowerCase())
  const csv = types.indexOf('text/csv')
  const json = types.indexOf('application/json')
  return csv >= 0 && (json < 0 || csv < json)
}

const columns = [
  'entry_id',
  'timestamp',
  'kind',
  'reference',
  'instrument_name',
  'counter_account',
  'amount',
  'fee',
  'balance',
] as const satisfies readonly (keyof Told)[]

/** RFC 4180. Nothing in a field needs to be quoted: names, numbers and instants have neither commas, quotes nor breaks. */
const csvOf = (data: readonly Told[]): string =>
  [columns.join(','), ...data.map(entry => columns.map(column => entry[column] ?? '').join(','))]
    .map(line => `${line}\r\n`)
    .join('')

const linkTo = (
  cursor: string,
  { account, limit }: { readonly account?: string | undefined; readonly limit?: number | undefined },
): string => {
  const query = new URLSearchParams({ cursor })
  if (account !== undefined) query.set('account', account)
  if (limit !== undefined) query.set('limit', String(limit))
  return `</api/v1/account/ledger?${query}>; rel="next"`
}

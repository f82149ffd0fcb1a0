import { getInstrumentById } from '#adapters/tables/instruments.ts'
import { listPositions, type PositionRow } from '#adapters/tables/positions.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { listCollateral } from '#protocol/operations/ledger.ts'
import { instrumentName } from '#protocol/values.ts'
import { rememberedEpochInForce, type StoredEpoch } from '../risk/epoch-in-force.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { namedAccount } from './named-account.ts'

const defaultLimit = 100

export const handle: Handle<typeof listCollateral> = async ({ query, principal }) => {
  const account = await namedAccount(principal, query.account ?? principal.account)
  if (account === undefined) return { code: query.account === undefined ? 'account-not-open' : 'not-found' }
  const { accountId, lane } = account
  const scope = cursorScope('list-collateral', account.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, instrumentName)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await listPositions(accountId, {
    limit: query.limit ?? defaultLimit,
    isCollateral: true,
    ...(after === undefined ? {} : { after }),
  })
  const inForce = rows.length === 0 ? undefined : await rememberedEpochInForce(lane)
  return {
    status: 200,
    body: {
      data: await Promise.all(rows.map(row => told(row, inForce))),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

const told = async (row: PositionRow, inForce: StoredEpoch | undefined) => {
  const { lane, instrumentId, instrumentName: instrument_name, sizeLots, minTradeAmount, updatedAtMillis } = row
  const asset = (await getInstrumentById(lane, instrumentId))?.instrument.specification.underlying
  if (asset === undefined) throw new Error(`the asset ${instrument_name} of lane ${lane} is not in its table`)
  const made = inForce?.instruments.get(instrumentId)
  return {
    instrument_name,
    asset,
    amount: decimal(sizeLots, minTradeAmount),
    // In parts of a million, as micros are of a unit.
    haircut: made === undefined || !('asset' in made) ? null : decimalOfMicros(made.asset.haircutPpm),
    value: made === undefined ? null : decimalOfMicros(sizeLots * made.risk.markMicros),
    last_update_timestamp: new Date(updatedAtMillis).toISOString(),
  }
}

import type { delistInstrument } from '#protocol/operations/reference.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { engineVersionMissing } from './engine-version-needed.ts'
import { findMarket } from './find-market.ts'

export const handle: Handle<typeof delistInstrument> = async ({ path, principal, idempotencyKey, headers }) => {
  const row = await findMarket(path.instrument_name)
  if (row === undefined)
    return {
      code: 'unknown-instrument',
      errors: [{ pointer: '#/path/instrument_name', detail: 'is not listed' }],
    }
  const missing = await engineVersionMissing(row.lane)
  if (missing !== undefined) return missing
  return takeCommand({
    principal,
    operation: 'delist-instrument',
    asked: path,
    idempotencyKey,
    headers,
    lane: row.lane,
    command: commandId => ({
      type: 'delist-instrument',
      commandId,
      instrumentId: row.instrument.instrumentId,
    }),
  })
}

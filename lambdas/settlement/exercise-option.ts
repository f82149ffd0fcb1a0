import { getInstrument, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { countLots } from '#domain/trading/terms.ts'
import type { exerciseOption } from '#protocol/operations/settlement.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle, Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { traderOf } from '../trading/trader.ts'

export const handle: Handle<typeof exerciseOption> = async ({ path, body, principal, idempotencyKey, headers }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { accountId, lane } = trader
  const market = await listedMarket(lane, path.instrument_name)
  if ('code' in market) return market
  const { instrument } = market
  const { terms } = instrument
  if (terms.kind !== 'option' || terms.exercise !== 'american')
    return { code: 'not-exercisable', errors: [{ pointer: '#/path/instrument_name', detail: 'is no American option' }] }
  const lots = countLots(body.amount, instrument)
  if (!lots.ok) {
    const code = lots.code === 'amount-off-lot' ? lots.code : 'amount-out-of-range'
    return { code, errors: [{ pointer: '#/amount', detail: lots.detail }] }
  }
  return takeCommand({
    principal,
    operation: 'exercise-option',
    asked: { ...path, ...body },
    idempotencyKey,
    headers,
    lane,
    accountId,
    command: commandId => ({
      type: 'exercise-option',
      commandId,
      accountId,
      instrumentId: instrument.instrumentId,
      quantityLots: lots.count,
    }),
  })
}

const listedMarket = async (
  lane: number,
  instrumentName: string,
): Promise<InstrumentRow | Rejection<'unknown-instrument' | 'instrument-in-other-lane'>> => {
  const row = await getInstrument(lane, instrumentName)
  if (row !== undefined) return row
  const errors = [{ pointer: '#/path/instrument_name', detail: 'is not listed in the lane of the account' }]
  for (const other of tenantLanes())
    if (other !== lane && (await getInstrument(other, instrumentName)) !== undefined)
      return { code: 'instrument-in-other-lane', errors }
  return { code: 'unknown-instrument', errors }
}

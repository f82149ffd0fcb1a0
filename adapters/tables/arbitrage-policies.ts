import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { arbitrageVenues } from '#domain/partners/arbitrage.ts'
import { type ArbitragePolicy, arbitrageModes } from '#domain/partners/arbitrage-policy.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, listOf, oneOf, text } from '../items.ts'
import { page } from '../pages.ts'
import { store } from '../writes.ts'

export interface ArbitragePolicyRow {
  /** The account, or the whole tenant. */
  readonly holder: string
  /** Counts how often it was set, from 1. */
  readonly version: number
  readonly policy: ArbitragePolicy
  readonly setAtMillis: number
  readonly setBy: string
}

const table = tables.arbitragePolicies
/** No account has such a name. */
export const wholeTenant = '*'
const active = 'yes'
const rowsOfRead = 200

/** Consistent. */
export const getArbitragePolicy = async (holder: string): Promise<ArbitragePolicyRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account: holder },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Only as the version after the one that was read: false where somebody has set another since. */
export const putArbitragePolicy = (row: ArbitragePolicyRow): Promise<boolean> => {
  const { policy } = row
  return store({
    kind: 'put',
    table,
    item: {
      account: row.holder,
      ...(policy.mode !== 'off' && row.holder !== wholeTenant && { active }),
      version: row.version,
      mode: policy.mode,
      venues: policy.venues,
      max_micro_hours: policy.maxMicroHours,
      max_outlay_micros: policy.maxOutlayMicros,
      max_daily_outlay_micros: policy.maxDailyOutlayMicros,
      max_daily_loss_micros: policy.maxDailyLossMicros,
      max_daily_executions: policy.maxDailyExecutions,
      minimum_net_micros: policy.minimumNetMicros,
      minimum_return_ppm: policy.minimumReturnPpm,
      unwind_slippage_ppm: policy.unwindSlippagePpm,
      preemption_ppm: policy.assumptions.preemptionPpm,
      lock_in_recovery_ppm: policy.assumptions.lockInRecoveryPpm,
      funding_ppm_per_year: policy.assumptions.fundingPpmPerYear,
      margin_ppm: policy.assumptions.marginPpm,
      regions: policy.regions.map(({ region, partnerRegions }) => ({ region, partner_regions: partnerRegions })),
      set_at_millis: row.setAtMillis,
      set_by: row.setBy,
    },
    onlyIf: { version: row.version === 1 ? undefined : row.version - 1 },
  })
}

/** Of accounts, those that are not off; from an index that lags a little. */
export const activeArbitragePolicies = async (): Promise<readonly ArbitragePolicyRow[]> => {
  const found: ArbitragePolicyRow[] = []
  for (let after: { readonly after?: Item } = {}; ; ) {
    const { rows, next } = await page(
      {
        table,
        index: 'by-activity',
        partition: { name: 'active', value: active },
        sortKeyName: 'account',
        limit: rowsOfRead,
        ...after,
      },
      rowOf,
    )
    found.push(...rows)
    if (next === undefined) return found
    after = { after: { active, account: next } }
  }
}

const rowOf = (item: Item): ArbitragePolicyRow => ({
  holder: text(item, 'account'),
  version: integer(item, 'version'),
  setAtMillis: integer(item, 'set_at_millis'),
  setBy: text(item, 'set_by'),
  policy: {
    mode: oneOf(item, 'mode', arbitrageModes),
    venues: textsIn(item, 'venues').map(venue => oneOf({ venue }, 'venue', arbitrageVenues)),
    maxMicroHours: integer(item, 'max_micro_hours'),
    maxOutlayMicros: integer(item, 'max_outlay_micros'),
    maxDailyOutlayMicros: integer(item, 'max_daily_outlay_micros'),
    maxDailyLossMicros: integer(item, 'max_daily_loss_micros'),
    maxDailyExecutions: integer(item, 'max_daily_executions'),
    minimumNetMicros: integer(item, 'minimum_net_micros'),
    minimumReturnPpm: integer(item, 'minimum_return_ppm'),
    unwindSlippagePpm: integer(item, 'unwind_slippage_ppm'),
    assumptions: {
      preemptionPpm: integer(item, 'preemption_ppm'),
      lockInRecoveryPpm: integer(item, 'lock_in_recovery_ppm'),
      fundingPpmPerYear: integer(item, 'funding_ppm_per_year'),
      marginPpm: integer(item, 'margin_ppm'),
    },
    regions: itemsOf(item, 'regions').map(each => ({
      region: text(each, 'region'),
      partnerRegions: textsIn(each, 'partner_regions'),
    })),
  },
})

const textsIn = (item: Item, name: string): readonly string[] => listOf(item, name).map(each => text({ each }, 'each'))

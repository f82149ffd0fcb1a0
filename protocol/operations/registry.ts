import type { Operation } from '../operation.ts'
import { capacityOperations } from './capacity.ts'
import { dayAheadOperations } from './day-ahead.ts'
import { deliveryOperations } from './delivery.ts'
import { indicesOperations } from './indices.ts'
import { ledgerOperations } from './ledger.ts'
import { marketMakingOperations } from './market-making.ts'
import { partnersOperations } from './partners.ts'
import { platformOperations } from './platform.ts'
import { pricingOperations } from './pricing.ts'
import { referenceOperations } from './reference.ts'
import { riskOperations } from './risk.ts'
import { securityOperations } from './security.ts'
import { settlementOperations } from './settlement.ts'
import { slaOperations } from './sla.ts'
import { supervisionOperations } from './supervision.ts'
import { tradingOperations } from './trading.ts'

/**
 * Every operation of the HTTP API: what synthesis makes routes of and what the OpenAPI document is written from.
 * Functions import their own context's file only: building all schemas costs a cold start a quarter of a second.
 */
export const operations: readonly Operation[] = [
  ...tradingOperations,
  ...referenceOperations,
  ...ledgerOperations,
  ...securityOperations,
  ...marketMakingOperations,
  ...supervisionOperations,
  ...indicesOperations,
  ...pricingOperations,
  ...settlementOperations,
  ...riskOperations,
  ...slaOperations,
  ...dayAheadOperations,
  ...deliveryOperations,
  ...partnersOperations,
  ...capacityOperations,
  ...platformOperations,
]

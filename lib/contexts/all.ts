import type { Context } from '#protocol/operation.ts'
import type { ContextAccess } from '../context-access.ts'
import { capacity } from './capacity.ts'
import { dayAhead } from './day-ahead.ts'
import { delivery } from './delivery.ts'
import { indices } from './indices.ts'
import { ledger } from './ledger.ts'
import { marketMaking } from './market-making.ts'
import { partners } from './partners.ts'
import { platform } from './platform.ts'
import { pricing } from './pricing.ts'
import { reference } from './reference.ts'
import { risk } from './risk.ts'
import { security } from './security.ts'
import { settlement } from './settlement.ts'
import { sla } from './sla.ts'
import { supervision } from './supervision.ts'
import { trading } from './trading.ts'

export const contextAccess: { readonly [C in Context]: ContextAccess<C> } = {
  trading,
  reference,
  ledger,
  security,
  'market-making': marketMaking,
  supervision,
  indices,
  pricing,
  settlement,
  risk,
  sla,
  'day-ahead': dayAhead,
  delivery,
  partners,
  capacity,
  platform,
}

import * as z from 'zod'
import type { Opportunity } from '#domain/partners/arbitrage.ts'
import { limitsOfCash } from '#domain/partners/arbitrage-policy.ts'
import { micros } from '#domain/units.ts'
import type { listArbitrageOpportunities } from '#protocol/operations/arbitrage.ts'
import { commandId } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle, Request } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { policyOf } from './arbitrage-policies.ts'
import { opportunityView, toldInOf } from './arbitrage-view.ts'
import { type FoundOpportunity, opportunitiesOf } from './opportunities.ts'

const defaultLimit = 100

export const handle: Handle<typeof listArbitrageOpportunities> = async ({ query, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const scope = cursorScope('list-arbitrage-opportunities', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, place)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { own } = await policyOf(trader.account)
  const found = await opportunitiesOf(trader, own, limitsOfCash, {
    resourceClass: query.resource_class,
    region: query.region,
  })
  const wanted = found.opportunities
    .filter(({ opportunity }) => isWanted(opportunity, query))
    .toSorted(inOrder)
    .filter(each => after === undefined || inOrder(each, foundAt(after)) > 0)
  const limit = query.limit ?? defaultLimit
  const shown = wanted.slice(0, limit)
  const last = shown.at(-1)
  return {
    status: 200,
    body: {
      data: shown.map(({ opportunityId, opportunity }) =>
        opportunityView(opportunityId, opportunity, toldInOf(found.instruments)),
      ),
      next_cursor:
        wanted.length > limit && last !== undefined
          ? encodeCursor(scope, [last.opportunity.netMicros, last.opportunityId])
          : null,
    },
  }
}

/** Where a page ended, by what they are in order of; what has moved since comes where it belongs now. */
const place = z.tuple([z.int(), commandId])

type Placed = Pick<FoundOpportunity, 'opportunityId'> & { readonly opportunity: Pick<Opportunity, 'netMicros'> }

const foundAt = ([netMicros, opportunityId]: z.infer<typeof place>): Placed => ({
  opportunityId,
  opportunity: { netMicros },
})

const inOrder = (a: Placed, b: Placed): number =>
  b.opportunity.netMicros - a.opportunity.netMicros ||
  (a.opportunityId < b.opportunityId ? -1 : a.opportunityId > b.opportunityId ? 1 : 0)

const isWanted = (
  { buy, sell, netMicros }: Opportunity,
  { venue, instrument_name, minimum_net }: Request<typeof listArbitrageOpportunities>['query'],
): boolean => {
  if (venue !== undefined && buy.venue !== venue && sell.venue !== venue) return false
  const isNamed = [buy, sell].some(leg => leg.venue === 'futures' && leg.source === instrument_name)
  if (instrument_name !== undefined && !isNamed) return false
  return minimum_net === undefined || netMicros >= (micros(minimum_net) ?? 0)
}

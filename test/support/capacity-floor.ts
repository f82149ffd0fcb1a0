import { putParameter } from '#adapters/tables/parameters.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { plainInstructions } from '#domain/trading/commands.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { capacityOperations } from '#protocol/operations/capacity.ts'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { arnOf } from '#test/local/surroundings.ts'
import { marketTerms } from './day-ahead-floor.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { testMethod } from './index-desk.ts'
import { numberOf, openPartnerFloor, type Trader } from './partner-floor.ts'
import { contractSpecification } from './settled-contracts.ts'

/** Partners, their purchases and inventories as they are, with the operations and tasks of capacity on top. */
export const openCapacityFloor = async () => {
  const partners = await openPartnerFloor('day-ahead-auction')
  process.env[workflowEnvironmentVariable('capacity-plan')] = arnOf('states', 'stateMachine:CapacityPlan')
  const [http, make, reserve, fail, sweep, procure, dayAhead, auctions, { indexValueOf }] = await Promise.all([
    import('#lambdas/capacity/http.ts'),
    import('#lambdas/capacity/make-capacity-plan.ts'),
    import('#lambdas/capacity/reserve-capacity.ts'),
    import('#lambdas/capacity/fail-capacity-plan.ts'),
    import('#lambdas/capacity/sweep-capacity.ts'),
    import('#lambdas/capacity/procure-capacity.ts'),
    import('#lambdas/day-ahead/http.ts'),
    import('#lambdas/day-ahead/sweep-auctions.ts'),
    import('#lambdas/shell/index-level.ts'),
  ])
  const request = requests(http.handler, capacityOperations)
  const bid = requests(dayAhead.handler, dayAheadOperations)
  let names = 0
  const floor = {
    partners,
    request,
    /** Two units of H100 for two hours, begun within the next ten. */
    body: (more: object = {}) => ({
      service: 'mlops',
      resource_class: 'H100',
      units: 2,
      regions: ['USE'],
      earliest_start: partners.hour(2),
      window_end: partners.hour(12),
      duration_hours: 2,
      flexibility: 'start',
      priority: 3,
      budget: '100',
      preemptible: false,
      ...more,
    }),
    ask: (account: Trader, more: object = {}, key?: string) => {
      names += 1
      return request('request-capacity', {
        as: { account, role: 'trader' },
        headers: { 'idempotency-key': key ?? `request-${names}` },
        body: floor.body(more),
      })
    },
    /** Asks, and tells the id. */
    async asked(account: Trader, more: object = {}): Promise<string> {
      const answered = await floor.ask(account, more)
      if (answered.status !== 202) throw new Error(JSON.stringify(answered.body))
      return String(answered.body['allocation_id'])
    },
    read: async (account: Trader, allocationId: string) =>
      (
        await request('get-capacity-allocation', {
          as: { account, role: 'trader' },
          path: { allocation_id: allocationId },
        })
      ).body,
    cancel: (account: Trader, allocationId: string) =>
      request('cancel-capacity-allocation', {
        as: { account, role: 'trader' },
        path: { allocation_id: allocationId },
      }),
    optimize: (account: Trader, key?: string, more: Readonly<Record<string, string>> = {}) => {
      names += 1
      return request('optimize-capacity', {
        as: { account, role: 'trader' },
        headers: { 'idempotency-key': key ?? `plan-${names}`, ...more },
      })
    },
    plan: async (account: Trader, planId: string) =>
      (await request('get-capacity-plan', { as: { account, role: 'trader' }, path: { plan_id: planId } })).body,
    /** A future that delivers H100 in USE for so many hours from one on, a unit-hour a lot: its number. */
    async future(firstHour: number, hours: number, change: Partial<ContractSpecification> = {}): Promise<number> {
      const start = Date.parse(partners.hour(firstHour))
      const delivery = { start: new Date(start).toISOString(), end: partners.hour(firstHour + hours), penalty_ppm: 0 }
      const averaging_start = new Date(start - 3_600_000).toISOString()
      names += 1
      const specification = contractSpecification(
        'future',
        { index: 'H100.USE', averaging_start, delivery },
        {
          instrumentName: `H100.USE-${names}`,
          underlying: 'H100.USE',
          settlement: 'physical',
          minTradeAmount: '1',
          maxPrice: '20',
          expirationMillis: start - 60_000,
          ...change,
        },
      )
      const said = await partners.command({ type: 'list-instrument', specification })
      const listed = said.find(event => event.type === 'instrument-listed')
      if (listed?.type !== 'instrument-listed') throw new Error('the future is not listed')
      return listed.instrument.instrumentId
    },
    /** So many lots stand at a price, in cents. */
    order: (
      account: Trader,
      instrumentId: number,
      direction: 'buy' | 'sell',
      priceTicks: number,
      quantityLots: number,
    ) =>
      partners.command({
        ...plainInstructions,
        type: 'place-order',
        accountId: numberOf(account),
        instrumentId,
        specificationVersion: 1,
        direction,
        orderType: 'limit',
        timeInForce: 'good_til_cancelled',
        priceTicks,
        quantityLots,
        clientOrderId: '',
      }),
    /** Operations of the day-ahead auction. */
    bid,
    /** H100 in USE is auctioned. */
    async auctioned(): Promise<void> {
      await putParameter({
        kind: 'index',
        name: 'H100.USE',
        effectiveMillis: 1,
        version: 1,
        value: indexValueOf({ ...testMethod, fixingIntervalMillis: 3_600_000 }),
        setBy: 'founder',
        setAtMillis: 1,
      })
      const set = await bid('set-compute-market', {
        as: { account: 'operator', role: 'market_operator' },
        path: { market: 'H100.USE' },
        body: marketTerms,
      })
      if (set.status !== 200) throw new Error(JSON.stringify(set.body))
    },
    /** By an operator; all that follows is done once it returns. */
    async gate(deliveryDate: string, state: 'open' | 'closed'): Promise<void> {
      await bid('set-day-ahead-gate', {
        as: { account: 'operator', role: 'market_operator' },
        path: { delivery_date: deliveryDate },
        body: { gate_state: state },
      })
      await partners.settle()
      await auctions.handler({}, lambdaContext)
      await partners.settle()
    },
    /** So many units in some hours of a date, at a price. */
    async curve(
      account: Trader,
      side: 'bid' | 'offer',
      date: string,
      price: string,
      amount: string,
      hours: readonly number[],
    ) {
      names += 1
      const curves = hours.map(hour => ({ market: 'H100.USE', hour, steps: [{ price, amount }] }))
      const { status, body } = await bid(`submit-${side}`, {
        as: { account, role: 'trader' },
        headers: { 'idempotency-key': `bid-${names}` },
        body: { delivery_date: date, curves },
      })
      if (status !== 202) throw new Error(JSON.stringify(body))
      await partners.project()
    },
    make: (planId: string) => make.handler({ plan_id: planId }, lambdaContext),
    /** One call of the task that books. */
    book: (planId: string, polls = 0) => reserve.handler({ plan_id: planId, polls }, lambdaContext),
    fail: (planId: string) => fail.handler({ plan_id: planId, failure: { Error: 'States.Timeout' } }, lambdaContext),
    /** A plan from beginning to end, as the workflow would take it. */
    async planned(account: Trader): Promise<string> {
      const planId = String((await floor.optimize(account)).body['plan_id'])
      await floor.make(planId)
      for (let polls = 0; polls < 30; polls++) {
        if ((await floor.book(planId, polls)).is_done) return planId
        await partners.settle()
      }
      throw new Error(`${planId} was never booked`)
    },
    sweep: () => sweep.handler({}, lambdaContext),
    procure: () => procure.handler({}, lambdaContext),
  }
  return floor
}

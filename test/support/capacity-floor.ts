import { workflowEnvironmentVariable } from '#protocol/functions.ts'
import { capacityOperations } from '#protocol/operations/capacity.ts'
import { arnOf } from '#test/local/surroundings.ts'
import { lambdaContext, requests } from './http-requests.ts'
import { openPartnerFloor, type Trader } from './partner-floor.ts'

/** Partners, their purchases and inventories as they are, with the operations and tasks of capacity on top. */
export const openCapacityFloor = async () => {
  const partners = await openPartnerFloor()
  process.env[workflowEnvironmentVariable('capacity-plan')] = arnOf('states', 'stateMachine:CapacityPlan')
  const [http, make, reserve, fail, sweep] = await Promise.all([
    import('#lambdas/capacity/http.ts'),
    import('#lambdas/capacity/make-capacity-plan.ts'),
    import('#lambdas/capacity/reserve-capacity.ts'),
    import('#lambdas/capacity/fail-capacity-plan.ts'),
    import('#lambdas/capacity/sweep-capacity.ts'),
  ])
  const request = requests(http.handler, capacityOperations)
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
  }
  return floor
}

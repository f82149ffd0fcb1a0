import { putCommands } from '#adapters/streams/orders.ts'
import { commandIdOf } from '#domain/trading/commands.ts'
import { type BatchResult, type Order, type submitBatch, weightOfBatch } from '#protocol/operations/trading.ts'
import { problemDocument, problems } from '#protocol/problems.ts'
import { type PressureNow, underBackpressure } from '../shell/backpressure.ts'
import type { Handle, Rejection, Request } from '../shell/http.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { type Prepared, prepareBatch, type Taken } from './batch.ts'
import { traderFor } from './instrument-trader.ts'
import { type Trader, traderIn } from './trader.ts'

export const handle: Handle<typeof submitBatch> = async request => {
  // All of a batch is of one lane: that which it names, or that of its first order.
  const { principal, body } = request
  const asked = await traderIn(principal, body.lane, '#/lane')
  if ('code' in asked) return asked
  const first = body.requests.find(item => item.action === 'place')?.instrument_name
  const trader = body.lane !== undefined || first === undefined ? asked : ((await traderFor(principal, first)) ?? asked)
  return underBackpressure(trader.lane, pressureNow => take(trader, request, pressureNow))
}

const take = async (
  trader: Trader,
  { body, headers, idempotencyKey, requestId, admitted }: Request<typeof submitBatch>,
  pressureNow: PressureNow,
): ReturnType<Handle<typeof submitBatch>> => {
  if (!(await admitted(weightOfBatch(body.requests)))) return { code: 'rate-limited' }
  const batch = await prepareBatch(trader, body.requests, idempotencyKey, pressureNow)
  if ('pressure' in batch) return batch.pressure
  const { prepared } = batch
  const taken = prepared.filter(isTaken)
  const outcomes = new Map<Taken, Order | Rejection>()
  const ask = async (those: readonly Taken[]): Promise<void> => {
    await Promise.all(
      those.map(async each => {
        const outcome = await each.outcome()
        if (outcome !== undefined) outcomes.set(each, outcome)
      }),
    )
  }
  const isOnItsWay = (each: Taken): boolean => !outcomes.has(each)

  await ask(taken.filter(({ isRepeated }) => isRepeated))
  // The stream hears again of what was asked for before only while nobody can tell that it has arrived, and once of
  // what the batch asks for twice.
  const commands = new Map(taken.filter(isOnItsWay).map(({ command }) => [commandIdOf(command), command]))
  if (commands.size > 0) await putCommands(trader.lane, [...commands.values()])
  const wait = preferWait(headers)
  if (wait !== undefined && commands.size > 0)
    await pollUntil(async () => {
      await ask(taken.filter(isOnItsWay))
      return taken.some(isOnItsWay) ? undefined : true
    }, wait.untilMillis)

  const results = prepared.map((each, position) =>
    isTaken(each)
      ? resultOf(each, outcomes.get(each), wait !== undefined, position, requestId)
      : problemOf(each, position, requestId),
  )
  return {
    status: taken.some(isOnItsWay) || (wait === undefined && commands.size > 0) ? 202 : 200,
    body: { results },
    headers: { location: '/api/v1/orders', ...wait?.headers },
  }
}

const isTaken = (prepared: Prepared): prepared is Taken => 'command' in prepared

const resultOf = (
  { command, order }: Taken,
  outcome: Order | Rejection | undefined,
  waits: boolean,
  position: number,
  requestId: string,
): BatchResult => {
  if (outcome === undefined) return { status: 202, order, problem: null }
  if ('code' in outcome) return problemOf(outcome, position, requestId)
  return { status: waits || command.type !== 'place-order' ? 200 : 202, order: outcome, problem: null }
}

/** Pointers lead into the item, those of a request of its own into its body. */
const problemOf = ({ code, detail, errors }: Rejection, position: number, requestId: string): BatchResult => {
  const { errors: _, ...problem } = problemDocument(code, requestId, detail === undefined ? {} : { detail })
  const pointed = errors?.map(error => ({
    pointer: error.pointer.replace(/^#/, `#/requests/${position}`),
    detail: error.detail,
  }))
  return {
    status: problems[code].status,
    order: null,
    problem: pointed === undefined ? problem : { ...problem, errors: pointed },
  }
}

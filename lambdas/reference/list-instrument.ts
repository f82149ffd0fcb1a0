import { getInstrument, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { type ContractSpecification, defineInstrument } from '#domain/reference/instrument.ts'
import { increments } from '#domain/units.ts'
import type { listInstrument } from '#protocol/operations/reference.ts'
import { type Decided, takeInOnce } from '../shell/command-intake.ts'
import type { Answer, Handle, Rejection, Request } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { marketOf } from './market-view.ts'

type Body = Request<typeof listInstrument>['body']
type Refusal = Rejection<(typeof listInstrument)['rejections'][number] | 'invalid-request'>

/**
 * The request is named by the instrument. What two operators list at once, or one in two lanes, the lanes' engines
 * decide: the lookup before is there to say no early, and to whoever does not wait.
 */
export const handle: Handle<typeof listInstrument> = async ({ body, principal, headers }) => {
  const lanes = tenantLanes()
  const lane = body.lane ?? lanes[0]
  if (!lanes.includes(lane))
    return { code: 'invalid-request', errors: [{ pointer: '#/lane', detail: `must be one of ${lanes.join(', ')}` }] }
  const instrumentName = body.instrument_name
  const asking = {
    principal,
    operation: 'list-instrument',
    asked: { ...body, lane },
    idempotencyKey: instrumentName,
    headers,
  }
  const taken = await takeInOnce(asking, () => decide(body, lane), getOutcome)
  if ('code' in taken) return taken.code === 'idempotency-conflict' ? conflict : taken
  const { promised, outcome, headers: applied } = taken
  const pending: Answer<typeof listInstrument> = {
    status: 202,
    body: { instrument_name: instrumentName },
    headers: { location: `/api/v1/markets/${instrumentName}`, ...applied },
  }
  if (outcome === undefined) return pending
  if (!outcome.accepted) {
    if (outcome.code === undefined) throw new Error(`the outcome of ${promised.commandId} says no without a code`)
    return { code: outcome.code, headers: applied }
  }
  // Another projector writes the instrument's row.
  const wait = preferWait(headers)
  const listed = (): Promise<InstrumentRow | undefined> => getInstrument(promised.lane, instrumentName)
  const row = (await listed()) ?? (wait && (await pollUntil(listed, wait.untilMillis)))
  return row === undefined ? pending : { status: 200, body: marketOf(row), headers: applied }
}

const conflict: Refusal = { code: 'idempotency-conflict', detail: 'You have listed it with other terms.' }

const decide = async (body: Body, lane: number): Promise<Decided | Refusal> => {
  const specification = specify(body)
  if ('code' in specification) return specification
  for (const listedIn of tenantLanes())
    if ((await getInstrument(listedIn, body.instrument_name)) !== undefined)
      return {
        code: 'instrument-exists',
        errors: [{ pointer: '#/instrument_name', detail: `trades in lane ${listedIn}` }],
      }
  return { lane, command: commandId => ({ type: 'list-instrument', commandId, specification }) }
}

/** The contract in the engine's terms, or the field that is wrong. */
const specify = (body: Body): ContractSpecification | Refusal => {
  const wrong = (field: string, detail: string): Refusal => ({
    code: 'invalid-specification',
    errors: [{ pointer: `#/${field}`, detail }],
  })
  const makerCommissionPpm = partsPerMillion(body.maker_commission)
  if (makerCommissionPpm === undefined) return wrong('maker_commission', 'must have at most six digits')
  const takerCommissionPpm = partsPerMillion(body.taker_commission)
  if (takerCommissionPpm === undefined) return wrong('taker_commission', 'must have at most six digits')
  const specification: ContractSpecification = {
    instrumentName: body.instrument_name,
    kind: body.kind,
    underlying: body.underlying,
    quoteCurrency: body.quote_currency,
    tickSize: body.tick_size,
    minTradeAmount: body.min_trade_amount,
    contractSize: body.contract_size,
    maxPrice: body.max_price,
    expirationMillis: Date.parse(body.expiration_timestamp),
    makerCommissionPpm,
    takerCommissionPpm,
  }
  // Number and version are the engine's to give; they do not make a specification right or wrong.
  const defined = defineInstrument(specification, 1, 1)
  if (!defined.accepted) {
    const field = defined.detail ?? ''
    const rule = ruleOf[field]
    if (rule === undefined) throw new Error(`no rule is known that the field ${field} could break`)
    return wrong(field, rule)
  }
  if (specification.expirationMillis <= Date.now()) return wrong('expiration_timestamp', 'must be in the future')
  return specification
}

/** Which rule of `defineInstrument` a field has broken, in words. */
const ruleOf: Readonly<Record<string, string>> = {
  instrument_name:
    'must be an underlying of at most 31 characters and 1 to 4 parts of at most 16, such as H100.USE-27NOV26',
  tick_size:
    'must have at most six digits after the point, and times min_trade_amount times contract_size be whole micros (0.000001 USD), at most 2147.483647 USD',
  min_trade_amount: 'must have at most six digits after the point, and be less than 2^53 millionths',
  contract_size: 'must have at most six digits after the point, and be less than 2^53 millionths',
  max_price: 'must be a multiple of tick_size, of at most 2147483647 ticks',
  expiration_timestamp: 'must be in the future',
  maker_commission: 'must be less than 1',
  taker_commission: 'must be less than 1',
}

const partsPerMillion = (part: string): number | undefined => increments(part, '0.000001')

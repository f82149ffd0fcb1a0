import { accountReplacement } from '#adapters/tables/accounts.ts'
import { forgetInstruments, type InstrumentRow, instrumentPut } from '#adapters/tables/instruments.ts'
import { type OrderRow, orderPut } from '#adapters/tables/orders.ts'
import { type OutcomeRow, outcomePut } from '#adapters/tables/outcomes.ts'
import type { Write } from '#adapters/writes.ts'
import { type ContractSpecification, defineInstrument, plainFuture } from '#domain/reference/instrument.ts'
import type { Command, PlaceOrder } from '#domain/trading/commands.ts'
import type { TableName } from '#protocol/tables.ts'
import { type MockedStreams, mockStreams } from './mocked-streams.ts'
import { type MockedTables, mockTables } from './mocked-tables.ts'

/** Tables and streams in memory, with the accounts and instruments that the tests of the HTTP operations speak of. */
export interface TradingFloor {
  readonly tables: MockedTables
  readonly streams: MockedStreams
  seed(table: TableName, write: Write): void
  instrument(lane: number, change?: Partial<ContractSpecification>, isActive?: boolean): InstrumentRow
  order(command: PlaceOrder, change?: Partial<OrderRow>): OrderRow
  outcome(commandId: string, code?: OutcomeRow['code']): void
  account(account: string, accountId: number, lane: number, firm?: string): void
  /** On a new floor: an order to buy 2.5 at 2.55, as the stream had it, which then forgets it. */
  placed(send: Send, clientOrderId: string): Promise<PlaceOrder>
  /** How the lane's leader did when it last wrote; nobody has led it unless told. */
  lease(lane: number, change?: LeaseChange): void
  /** A matcher of the lane, as it spoke of itself last. */
  replica(lane: number, owner: string, change?: Readonly<Record<string, unknown>>): void
  /** Commands in the order streams so far. */
  put(): readonly Command[]
  reset(): void
}

interface LeaseChange {
  readonly version?: number
  readonly epoch?: number
  readonly outSeq?: number
  readonly chain?: string
  readonly atMillis?: number
  readonly behindMillis?: number
  readonly halted?: string
}

type Send = (operation: string, given: { readonly body: object }) => Promise<unknown>

export const instrumentName = 'H100.USE-27NOV46'

const lanes = [1, 2] as const

export const openTradingFloor = (): TradingFloor => {
  process.env['LANES'] = lanes.join(',')
  const tables = mockTables()
  const streams = mockStreams(lanes)
  let instrumentId = 0
  const floor: TradingFloor = {
    tables,
    streams,
    seed(table, write) {
      if (write.kind !== 'put') throw new Error('only whole items can be seeded')
      tables.seed(table, write.item)
    },
    instrument(lane, change = {}, isActive = true) {
      const defined = defineInstrument(
        {
          instrumentName,
          ...plainFuture,
          underlying: 'H100.USE',
          quoteCurrency: 'USD',
          tickSize: '0.05',
          minTradeAmount: '0.1',
          contractSize: '10',
          maxPrice: '100',
          expirationMillis: Date.UTC(2046, 10, 27, 16),
          makerCommissionPpm: 0,
          takerCommissionPpm: 500,
          ...change,
        },
        ++instrumentId,
        1,
      )
      if (!defined.accepted) throw new Error(`not a valid instrument: ${defined.detail}`)
      const row: InstrumentRow = {
        lane,
        instrument: defined.value,
        isActive,
        lifecycle: isActive ? 'active' : 'expired',
        listedAtMillis: Date.UTC(2026, 6, 1),
      }
      floor.seed('instruments', instrumentPut(row))
      return row
    },
    order(command, change = {}) {
      const row: OrderRow = {
        accountId: command.accountId,
        orderId: command.orderId,
        clientOrderId: command.clientOrderId,
        instrumentName,
        instrumentId: command.instrumentId,
        tickSize: '0.05',
        minTradeAmount: '0.1',
        direction: command.direction,
        orderType: command.orderType,
        timeInForce: command.timeInForce,
        priceTicks: command.priceTicks,
        quantityLots: command.quantityLots,
        filledLots: 0,
        filledTickLots: 0,
        orderState: 'open',
        createdAtMillis: Date.UTC(2026, 6, 21, 9, 5, 7, 120),
        updatedAtMillis: Date.UTC(2026, 6, 21, 9, 5, 7, 164),
        eventId: '1:0:0',
        outSeq: 1,
        ...change,
      }
      floor.seed('orders', orderPut(row))
      return row
    },
    outcome(commandId, code) {
      floor.seed(
        'outcomes',
        outcomePut({
          commandId,
          accepted: code === undefined,
          ...(code === undefined ? {} : { code }),
          atMillis: Date.UTC(2026, 6, 21),
          eventId: '1:0:0',
        }),
      )
    },
    account(account, accountId, lane, firm = account) {
      floor.seed(
        'accounts',
        accountReplacement(
          { account, accountState: 'open', accountId, lane, commandId: 'c', attempt: 1, createdAtMillis: 0, firm },
          undefined,
        ),
      )
    },
    lease(lane, { version = 1, epoch = 1, outSeq = 0, chain = '', atMillis, behindMillis = 0, halted } = {}) {
      tables.seed('lanes', {
        lane: String(lane),
        row: 'checkpoint',
        epoch,
        owner: 'host/1/a/0',
        version,
        out_seq: outSeq,
        chain,
        at_millis: atMillis ?? Date.now(),
        behind_millis: behindMillis,
        ...(halted === undefined ? {} : { halted }),
      })
    },
    replica(lane, owner, change = {}) {
      tables.seed('lanes', {
        lane: String(lane),
        row: `replica#${owner}`,
        role: 'standby',
        at_millis: Date.now(),
        engine_versions: [1, 2],
        input_sequence: '',
        out_seq: 0,
        chain: '',
        is_verified: true,
        behind_millis: 0,
        ...change,
      })
    },
    async placed(send, clientOrderId) {
      floor.reset()
      const terms = { instrument_name: instrumentName, direction: 'buy', amount: '2.5', price: '2.55' }
      await send('place-order', { body: { ...terms, client_order_id: clientOrderId } })
      const command = floor.put()[0]
      if (command?.type !== 'place-order') throw new Error('no order was put')
      streams.put.length = 0
      return command
    },
    put: () => streams.put.map(({ command }) => command),
    reset() {
      instrumentId = 0
      tables.reset()
      streams.reset()
      forgetInstruments()
      floor.account('acme', 7, 1)
      floor.account('other', 8, 1)
      floor.account('abroad', 9, 2)
      floor.instrument(1)
    },
  }
  return floor
}

import { accountIdsOfLane } from '#domain/ledger/accounts.ts'
import { plainFuture } from '#domain/reference/instrument.ts'
import { type Command, plainInstructions } from '#domain/trading/commands.ts'

/** Names of commands, in the form of ids. */
export const idOf = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`

/** As the lane names them: commands here are of lane 1. */
export const inLane = (lane: number, commands: readonly Command[]): readonly Command[] =>
  commands.map(command =>
    'accountId' in command ? { ...command, accountId: command.accountId + (lane - 1) * accountIdsOfLane } : command,
  )

/** Two funded accounts and a market. */
export const opening: readonly Command[] = [
  { type: 'open-account', commandId: idOf(1), account: 'alice', firm: '' },
  { type: 'open-account', commandId: idOf(2), account: 'bob', firm: '' },
  { type: 'deposit', commandId: idOf(3), accountId: 1, amountMicros: 1_000_000_000_000 },
  { type: 'deposit', commandId: idOf(4), accountId: 2, amountMicros: 1_000_000_000_000 },
  {
    type: 'list-instrument',
    commandId: idOf(5),
    specification: {
      instrumentName: 'H100.USE-27NOV36',
      ...plainFuture,
      underlying: 'H100.USE',
      quoteCurrency: 'USD',
      tickSize: '0.01',
      minTradeAmount: '1',
      contractSize: '1',
      maxPrice: '100',
      expirationMillis: Date.UTC(2036, 10, 27),
      makerCommissionPpm: 100,
      takerCommissionPpm: 300,
    },
  },
]

/** Orders of both sides around a price, so that many rest and many trade. */
export const order = (number: number): Command => ({
  type: 'place-order',
  orderId: idOf(1_000 + number),
  accountId: 1 + (number % 2),
  instrumentId: 1,
  specificationVersion: 1,
  direction: number % 3 === 0 ? 'buy' : 'sell',
  orderType: 'limit',
  timeInForce: 'good_til_cancelled',
  priceTicks: 200 + ((number * 7) % 11) - (number % 3 === 0 ? 3 : 0),
  quantityLots: 1 + (number % 5),
  clientOrderId: `order-${number}`,
  ...plainInstructions,
})

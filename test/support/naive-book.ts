import type { RejectionCode } from '#domain/outcome.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { AmendOrder, CancelOrder, Direction, PlaceOrder } from '#domain/trading/commands.ts'

/**
 * A second exchange, as plain as can be: one list of orders, sorted anew for each trade, and one list of fills, summed
 * anew for each question. It knows nothing of levels, positions, running sums or realised results. Slow, and obviously
 * right: the oracle of the engine.
 */
export interface NaiveOrder {
  readonly orderId: string
  readonly accountId: number
  readonly instrument: Instrument
  readonly direction: Direction
  priceTicks: number
  quantityLots: number
  filledLots: number
  /** Grows with each arrival: the time of price-time priority. */
  arrival: number
}

export interface NaiveFill {
  readonly accountId: number
  readonly instrument: Instrument
  readonly direction: Direction
  readonly priceTicks: number
  readonly lots: number
  readonly feeMicros: number
}

export type NaiveCommand = PlaceOrder | CancelOrder | AmendOrder

export const createNaiveBook = (instruments: readonly Instrument[], depositsMicros: readonly number[]) => {
  const orders: NaiveOrder[] = []
  const fills: NaiveFill[] = []
  const closed: { readonly orderId: string; readonly accountId: number }[] = []
  let arrivals = 0

  const left = (order: NaiveOrder): number => order.quantityLots - order.filledLots
  const isBetter = (a: NaiveOrder, b: NaiveOrder): number =>
    (a.direction === 'buy' ? b.priceTicks - a.priceTicks : a.priceTicks - b.priceTicks) || a.arrival - b.arrival
  const resting = (instrument: Instrument, direction: Direction): NaiveOrder[] =>
    orders.filter(order => order.instrument === instrument && order.direction === direction).sort(isBetter)
  const against = (direction: Direction): Direction => (direction === 'buy' ? 'sell' : 'buy')

  const feeOf = (ppm: number, micros: number): number => Number((BigInt(ppm) * BigInt(micros)) / 1_000_000n)

  /** What the account would own if its open orders filled as given and the contract settled at this price. */
  const resultMicros = (accountId: number, instrument: Instrument, settleTicks: number, filled: Direction): number => {
    const bookings = fills.filter(fill => fill.accountId === accountId && fill.instrument === instrument)
    const open = orders.filter(order => order.accountId === accountId && order.instrument === instrument)
    const all = [
      ...bookings,
      ...open.filter(({ direction }) => direction === filled).map(order => ({ ...order, lots: left(order) })),
    ]
    const ticks = all.reduce(
      (sum, { direction, priceTicks, lots }) =>
        sum + (direction === 'buy' ? settleTicks - priceTicks : priceTicks - settleTicks) * lots,
      0,
    )
    return ticks * instrument.microsPerTickLot
  }
  const worstMicros = (accountId: number, instrument: Instrument): number =>
    Math.min(
      resultMicros(accountId, instrument, 0, 'buy'),
      resultMicros(accountId, instrument, instrument.maxPriceTicks, 'sell'),
    )
  const reserveMicros = (order: NaiveOrder): number => {
    const { makerCommissionPpm, takerCommissionPpm } = order.instrument.specification
    const ppm = Math.max(makerCommissionPpm, takerCommissionPpm)
    return feeOf(ppm, order.priceTicks * left(order) * order.instrument.microsPerTickLot)
  }
  /** What is left in the worst of all cases. */
  const spareMicros = (accountId: number): number =>
    (depositsMicros[accountId - 1] ?? 0) -
    fills.filter(fill => fill.accountId === accountId).reduce((sum, fill) => sum + fill.feeMicros, 0) +
    instruments.reduce((sum, instrument) => sum + worstMicros(accountId, instrument), 0) -
    orders.filter(order => order.accountId === accountId).reduce((sum, order) => sum + reserveMicros(order), 0)

  const drop = (order: NaiveOrder): void => {
    orders.splice(orders.indexOf(order), 1)
    closed.push(order)
  }

  const trade = (taker: NaiveOrder): string[] => {
    const lines: string[] = []
    const { instrument, direction } = taker
    const { makerCommissionPpm, takerCommissionPpm } = instrument.specification
    for (;;) {
      const maker = resting(instrument, against(direction)).find(({ priceTicks }) =>
        direction === 'buy' ? priceTicks <= taker.priceTicks : priceTicks >= taker.priceTicks,
      )
      if (maker === undefined || left(taker) === 0) return lines
      const lots = Math.min(left(maker), left(taker))
      for (const [order, ppm] of [
        [maker, makerCommissionPpm],
        [taker, takerCommissionPpm],
      ] as const) {
        order.filledLots += lots
        const feeMicros = feeOf(ppm, maker.priceTicks * lots * instrument.microsPerTickLot)
        const { accountId, direction } = order
        fills.push({ accountId, instrument, direction, priceTicks: maker.priceTicks, lots, feeMicros })
      }
      lines.push(`${taker.orderId} takes ${lots} @ ${maker.priceTicks} from ${maker.orderId}, leaving ${left(maker)}`)
      if (left(maker) === 0) drop(maker)
    }
  }

  const place = (command: PlaceOrder): string[] => {
    const refuse = (code: RejectionCode): string[] => {
      closed.push(command)
      return [`${command.orderId} rejected ${code}`]
    }
    const instrument = instruments[command.instrumentId - 1]
    if (instrument === undefined) return refuse('unknown-instrument')
    const isMarket = command.orderType === 'market'
    const isOutside = command.priceTicks < 1 || command.priceTicks > instrument.maxPriceTicks
    if (!isMarket && isOutside) return refuse('price-out-of-range')
    if (command.quantityLots < 1) return refuse('amount-out-of-range')
    const best = resting(instrument, against(command.direction))[0]
    if (isMarket && best === undefined) return refuse('no-liquidity')
    const tenth = (best?.priceTicks ?? 0) / 10
    const protection =
      command.direction === 'buy'
        ? Math.min(Math.floor((best?.priceTicks ?? 0) + tenth), instrument.maxPriceTicks)
        : Math.max(Math.ceil((best?.priceTicks ?? 0) - tenth), 1)
    arrivals += 1
    const order: NaiveOrder = {
      orderId: command.orderId,
      accountId: command.accountId,
      instrument,
      direction: command.direction,
      priceTicks: isMarket ? protection : command.priceTicks,
      quantityLots: command.quantityLots,
      filledLots: 0,
      arrival: arrivals,
    }
    orders.push(order)
    if (spareMicros(order.accountId) < 0) {
      orders.pop()
      return refuse('insufficient-funds')
    }
    const lines = [`${order.orderId} accepted @ ${order.priceTicks}`, ...trade(order)]
    if (left(order) === 0) drop(order)
    else if (command.timeInForce === 'immediate_or_cancel') {
      lines.push(`${order.orderId} cancelled ${left(order)}`)
      drop(order)
    }
    return lines
  }

  const find = (command: CancelOrder | AmendOrder): NaiveOrder | RejectionCode => {
    const isTheirs = (order: { orderId: string; accountId: number }): boolean =>
      order.orderId === command.orderId && order.accountId === command.accountId
    return orders.find(isTheirs) ?? (closed.some(isTheirs) ? 'order-closed' : 'unknown-order')
  }

  const cancel = (command: CancelOrder): string[] => {
    const order = find(command)
    if (typeof order === 'string') return [`rejected ${order}`]
    drop(order)
    return [`${order.orderId} cancelled ${left(order)}`]
  }

  const amend = (command: AmendOrder): string[] => {
    const order = find(command)
    if (typeof order === 'string') return [`rejected ${order}`]
    const before = { ...order }
    const priceTicks = command.priceTicks || order.priceTicks
    const quantityLots = command.quantityLots || order.quantityLots
    if (priceTicks < 1 || priceTicks > order.instrument.maxPriceTicks) return ['rejected price-out-of-range']
    if (quantityLots < 1) return ['rejected amount-out-of-range']
    if (quantityLots <= order.filledLots) return ['rejected amount-below-filled']
    const staysInPlace = priceTicks === order.priceTicks && quantityLots <= order.quantityLots
    arrivals += 1
    Object.assign(order, { priceTicks, quantityLots, arrival: staysInPlace ? order.arrival : arrivals })
    if (spareMicros(order.accountId) < 0) {
      Object.assign(order, before)
      return ['rejected insufficient-funds']
    }
    const place = staysInPlace ? 'in place' : 'anew'
    const lines = [`${order.orderId} amended to ${quantityLots} @ ${priceTicks} ${place}`]
    if (staysInPlace) return lines
    // While it trades it is no longer in the book.
    orders.splice(orders.indexOf(order), 1)
    lines.push(...trade(order))
    orders.push(order)
    if (left(order) === 0) drop(order)
    return lines
  }

  return {
    apply: (command: NaiveCommand): string[] => {
      switch (command.type) {
        case 'place-order':
          return place(command)
        case 'cancel-order':
          return cancel(command)
        case 'amend-order':
          return amend(command)
      }
    },
    fills: (): readonly NaiveFill[] => fills,
    spareMicros,
    /** In priority. */
    resting: (instrumentId: number, direction: Direction): string[] =>
      instruments
        .filter(instrument => instrument.instrumentId === instrumentId)
        .flatMap(instrument => resting(instrument, direction))
        .map(order => `${order.orderId} ${left(order)} of ${order.quantityLots} @ ${order.priceTicks}`),
  }
}

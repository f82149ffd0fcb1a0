import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { type Command, directions, orderTypes, timesInForce } from '#domain/trading/commands.ts'
import type { OrderFields, PoisonReason } from '#domain/trading/events.ts'
import { beginFrame, closeFrame, frameKinds, maxFrameCount, openFrame, sealFrame } from './frames.ts'
import { InvalidFrame, type WireReader, WireWriter } from './wire.ts'

/** Their positions, counted from 1, are their numbers on the wire: append only. */
export const commandTypes = [
  'place-order',
  'cancel-order',
  'amend-order',
  'open-account',
  'deposit',
  'list-instrument',
  'expire-instrument',
] as const satisfies readonly Command['type'][]

export type OrdersFrame =
  | { readonly ok: true; readonly commands: readonly Command[] }
  | { readonly ok: false; readonly reason: PoisonReason }

const writer = new WireWriter()

/** A record for the order stream; of no commands, a tick. Throws RangeError on what the format cannot carry. */
export const encodeOrdersFrame = (lane: number, commands: readonly Command[]): Uint8Array => {
  if (commands.length > maxFrameCount) throw new RangeError(`${commands.length} commands do not fit a frame`)
  beginFrame(writer, { kind: frameKinds.commands, count: commands.length, lane, epoch: 0, firstOutSeq: 0 })
  for (const command of commands) {
    const start = writer.beginMessage(commandTypes.indexOf(command.type) + 1)
    writeCommand(writer, command)
    writer.endMessage(start)
  }
  return sealFrame(writer)
}

/** All of a record's commands, or why it is poison as a whole. Never throws. */
export const decodeOrdersFrame = (bytes: Uint8Array, lane: number): OrdersFrame => {
  try {
    const { header, payload } = openFrame(bytes, frameKinds.commands, lane)
    if (header.epoch !== 0 || header.firstOutSeq !== 0)
      throw new InvalidFrame('malformed-message', 'a frame of commands has no epoch and no numbers')
    const commands: Command[] = []
    for (let i = 0; i < header.count; i += 1) {
      const { type, outerEnd } = payload.beginMessage()
      commands.push(readCommand(payload, type))
      payload.endMessage(outerEnd)
    }
    closeFrame(payload)
    return { ok: true, commands }
  } catch (error) {
    if (error instanceof InvalidFrame) return { ok: false, reason: error.reason }
    throw error
  }
}

const writeCommand = (to: WireWriter, command: Command): void => {
  switch (command.type) {
    case 'place-order':
      writeOrder(to, command)
      break
    case 'cancel-order':
      to.u32(command.accountId)
      to.zeros(8)
      to.uuid(command.commandId)
      to.uuid(command.orderId)
      break
    case 'amend-order':
      to.u32(command.accountId)
      to.i32(command.priceTicks)
      to.i32(command.quantityLots)
      to.uuid(command.commandId)
      to.uuid(command.orderId)
      break
    case 'open-account':
      if (command.account === '') throw new RangeError('an account has a name')
      to.zeros(12)
      to.uuid(command.commandId)
      to.text(command.account)
      break
    case 'deposit':
      to.u32(command.accountId)
      to.i64(command.amountMicros)
      to.uuid(command.commandId)
      break
    case 'list-instrument':
      to.u32(command.specification.makerCommissionPpm)
      to.u32(command.specification.takerCommissionPpm)
      to.zeros(4)
      to.uuid(command.commandId)
      to.i64(command.specification.expirationMillis)
      writeSpecificationTexts(to, command.specification)
      break
    case 'expire-instrument':
      to.u32(command.instrumentId)
      to.zeros(8)
      to.uuid(command.commandId)
      break
  }
}

const readCommand = (from: WireReader, type: number): Command => {
  const name = commandTypes[type - 1]
  switch (name) {
    case 'place-order':
      return { type: name, ...readOrder(from) }
    case 'cancel-order': {
      const accountId = from.u32()
      from.zeros(8)
      const commandId = from.uuid()
      return { type: name, commandId, accountId, orderId: from.uuid() }
    }
    case 'amend-order': {
      const accountId = from.u32()
      const priceTicks = from.i32()
      const quantityLots = from.i32()
      const commandId = from.uuid()
      return { type: name, commandId, accountId, orderId: from.uuid(), priceTicks, quantityLots }
    }
    case 'open-account': {
      from.zeros(12)
      const commandId = from.uuid()
      const account = from.text()
      if (account === '') throw new InvalidFrame('malformed-message', 'an account has a name')
      return { type: name, commandId, account }
    }
    case 'deposit': {
      const accountId = from.u32()
      const amountMicros = from.i64()
      return { type: name, commandId: from.uuid(), accountId, amountMicros }
    }
    case 'list-instrument': {
      const makerCommissionPpm = from.u32()
      const takerCommissionPpm = from.u32()
      from.zeros(4)
      const commandId = from.uuid()
      const expirationMillis = from.i64()
      const texts = readSpecificationTexts(from)
      return {
        type: name,
        commandId,
        specification: { ...texts, expirationMillis, makerCommissionPpm, takerCommissionPpm },
      }
    }
    case 'expire-instrument': {
      const instrumentId = from.u32()
      from.zeros(8)
      return { type: name, commandId: from.uuid(), instrumentId }
    }
    default:
      throw new InvalidFrame('unknown-message', `command type ${type}`)
  }
}

/** The body of place-order, which the events order-accepted and order-rejected repeat. */
export const writeOrder = (to: WireWriter, order: OrderFields): void => {
  if (order.orderType === 'market' && order.timeInForce !== 'immediate_or_cancel')
    throw new RangeError('a market order is immediate_or_cancel')
  to.u32(order.accountId)
  to.u32(order.instrumentId)
  to.u32(order.specificationVersion)
  to.uuid(order.orderId)
  to.i32(order.priceTicks)
  to.i32(order.quantityLots)
  to.u8(directions.indexOf(order.direction))
  to.u8(orderTypes.indexOf(order.orderType))
  to.u8(timesInForce.indexOf(order.timeInForce))
  to.u8(0)
  to.text(order.clientOrderId)
}

export const readOrder = (from: WireReader): OrderFields => {
  const accountId = from.u32()
  const instrumentId = from.u32()
  const specificationVersion = from.u32()
  const orderId = from.uuid()
  const priceTicks = from.i32()
  const quantityLots = from.i32()
  const direction = from.oneOf(directions)
  const orderType = from.oneOf(orderTypes)
  const timeInForce = from.oneOf(timesInForce)
  from.zeros(1)
  const clientOrderId = from.text()
  if (orderType === 'market' && timeInForce !== 'immediate_or_cancel')
    throw new InvalidFrame('malformed-message', 'a market order is immediate_or_cancel')
  return {
    orderId,
    accountId,
    instrumentId,
    specificationVersion,
    direction,
    orderType,
    timeInForce,
    priceTicks,
    quantityLots,
    clientOrderId,
  }
}

type SpecificationTexts = Omit<ContractSpecification, 'expirationMillis' | 'makerCommissionPpm' | 'takerCommissionPpm'>

export const writeSpecificationTexts = (to: WireWriter, specification: SpecificationTexts): void => {
  to.text(specification.instrumentName)
  to.text(specification.kind)
  to.text(specification.underlying)
  to.text(specification.quoteCurrency)
  to.text(specification.tickSize)
  to.text(specification.minTradeAmount)
  to.text(specification.contractSize)
  to.text(specification.maxPrice)
}

export const readSpecificationTexts = (from: WireReader): SpecificationTexts => {
  const instrumentName = from.text()
  const kind = from.text()
  const underlying = from.text()
  const quoteCurrency = from.text()
  const tickSize = from.text()
  const minTradeAmount = from.text()
  const contractSize = from.text()
  const maxPrice = from.text()
  if (kind !== 'future') throw new InvalidFrame('malformed-message', `unknown kind of instrument ${kind}`)
  if (quoteCurrency !== 'USD') throw new InvalidFrame('malformed-message', `unknown currency ${quoteCurrency}`)
  return { instrumentName, kind, underlying, quoteCurrency, tickSize, minTradeAmount, contractSize, maxPrice }
}

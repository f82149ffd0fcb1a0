import { createHash } from 'node:crypto'
import { rejectionCodes } from '#domain/outcome.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'
import { directions } from '#domain/trading/commands.ts'
import { cancelReasons, type Event, poisonReasons, type TradeLeg } from '#domain/trading/events.ts'
import { beginFrame, closeFrame, frameKinds, maxFrameCount, openFrame, sealFrame } from './frames.ts'
import { commandTypes, readOrder, readSpecificationTexts, writeOrder, writeSpecificationTexts } from './orders-frame.ts'
import { InvalidFrame, type WireReader, WireWriter } from './wire.ts'

/** The events of one input record, or a part of them where they do not fit one frame. */
export interface Section {
  /** 56 digits, zero padded, so that it sorts as text. */
  readonly inputSequence: string
  readonly atMillis: number
  /** 32 hex digits. */
  readonly chain: string
  readonly firstIndex: number
  readonly events: readonly Event[]
}

export interface ExecutionsFrame {
  readonly lane: number
  readonly epoch: number
  readonly firstOutSeq: number
  readonly sections: readonly Section[]
}

export const sectionHeaderBytes = 60
const sequenceDigits = 56
const sequenceBytes = 24
const chainBytes = 16

/** The chain before the first section of a lane. */
export const firstChain = '0'.repeat(chainBytes * 2)

/** Their positions, counted from 1, are their numbers on the wire: append only. */
const eventTypes = [
  'order-accepted',
  'order-rejected',
  'trade-executed',
  'order-cancelled',
  'order-amended',
  'command-rejected',
  'account-opened',
  'deposited',
  'instrument-listed',
  'instrument-expired',
  'command-duplicated',
  'time-advanced',
  'frame-poisoned',
] as const satisfies readonly Event['type'][]

const frameWriter = new WireWriter()
const eventsWriter = new WireWriter()

/** A record for the execution stream. Throws RangeError on what the format cannot carry. */
export const encodeExecutionsFrame = (frame: ExecutionsFrame): Uint8Array => {
  const { lane, epoch, firstOutSeq, sections } = frame
  if (sections.length > maxFrameCount) throw new RangeError(`${sections.length} sections do not fit a frame`)
  beginFrame(frameWriter, { kind: frameKinds.events, count: sections.length, lane, epoch, firstOutSeq })
  for (const section of sections) {
    const events = eventsWithoutCopy(section.events)
    writeSequence(frameWriter, section.inputSequence)
    frameWriter.i64(section.atMillis)
    frameWriter.hex(section.chain, chainBytes)
    frameWriter.u32(events.length)
    frameWriter.u32(section.firstIndex)
    frameWriter.u16(section.events.length)
    frameWriter.zeros(2)
    frameWriter.raw(events)
  }
  return sealFrame(frameWriter)
}

/** Throws InvalidFrame with the reason: a reader of executions has no use for half a frame. */
export const decodeExecutionsFrame = (bytes: Uint8Array): ExecutionsFrame => {
  const { header, payload } = openFrame(bytes, frameKinds.events)
  const sections: Section[] = []
  for (let i = 0; i < header.count; i += 1) sections.push(readSection(payload))
  closeFrame(payload)
  return { lane: header.lane, epoch: header.epoch, firstOutSeq: header.firstOutSeq, sections }
}

/** Events as they lie in a section. */
export const encodeEvents = (events: readonly Event[]): Uint8Array => eventsWithoutCopy(events).slice()

/** Links a section to all before it: two histories with the same last chain are the same history. */
export const chainOf = (previousChain: string, section: Omit<Section, 'chain'>): string => {
  eventsWriter.length = 0
  eventsWriter.hex(previousChain, chainBytes)
  writeSequence(eventsWriter, section.inputSequence)
  eventsWriter.i64(section.atMillis)
  eventsWriter.u32(section.firstIndex)
  for (const event of section.events) writeMessage(eventsWriter, event)
  return createHash('sha256')
    .update(eventsWriter.written())
    .digest('hex')
    .slice(0, chainBytes * 2)
}

/** The same whoever publishes the event and however it is framed. */
export const eventId = (lane: number, inputSequence: string, index: number): string =>
  `${lane}:${inputSequence}:${index}`

const eventsWithoutCopy = (events: readonly Event[]): Uint8Array => {
  eventsWriter.length = 0
  for (const event of events) writeMessage(eventsWriter, event)
  return eventsWriter.written()
}

const writeSequence = (to: WireWriter, inputSequence: string): void => {
  if (inputSequence.length !== sequenceDigits || !/^\d+$/.test(inputSequence))
    throw new RangeError(`not a sequence number of ${sequenceDigits} digits: ${inputSequence}`)
  to.hex(
    BigInt(inputSequence)
      .toString(16)
      .padStart(sequenceBytes * 2, '0'),
    sequenceBytes,
  )
}

const readSection = (from: WireReader): Section => {
  const inputSequence = BigInt(`0x${from.hex(sequenceBytes)}`)
    .toString()
    .padStart(sequenceDigits, '0')
  if (inputSequence.length > sequenceDigits)
    throw new InvalidFrame('malformed-message', 'a sequence number has too many digits')
  const atMillis = from.i64()
  const chain = from.hex(chainBytes)
  const sectionBytes = from.u32()
  const firstIndex = from.u32()
  const count = from.u16()
  from.zeros(2)
  const frameEnd = from.end
  if (from.at + sectionBytes > frameEnd) throw new InvalidFrame('malformed-message', 'a section does not fit its frame')
  from.end = from.at + sectionBytes
  const events: Event[] = []
  for (let i = 0; i < count; i += 1) {
    const { type, outerEnd } = from.beginMessage()
    events.push(readEvent(from, type))
    from.endMessage(outerEnd)
  }
  if (from.at !== from.end) throw new InvalidFrame('malformed-message', 'bytes follow the last event of a section')
  from.end = frameEnd
  return { inputSequence, atMillis, chain, firstIndex, events }
}

const writeMessage = (to: WireWriter, event: Event): void => {
  const start = to.beginMessage(eventTypes.indexOf(event.type) + 1)
  writeEvent(to, event)
  to.endMessage(start)
}

const writeEvent = (to: WireWriter, event: Event): void => {
  switch (event.type) {
    case 'order-accepted':
      writeOrder(to, event)
      break
    case 'order-rejected':
      to.u16(rejectionCodes.indexOf(event.code))
      to.zeros(2)
      writeOrder(to, event)
      break
    case 'trade-executed':
      to.u32(event.instrumentId)
      to.i32(event.priceTicks)
      to.i32(event.quantityLots)
      to.i64(event.houseFeesMicros)
      writeLeg(to, event.maker)
      writeLeg(to, event.taker)
      break
    case 'order-cancelled':
      to.u32(event.accountId)
      to.i32(event.filledLots)
      to.i32(event.cancelledLots)
      to.u8(cancelReasons.indexOf(event.reason))
      to.zeros(3)
      to.uuid(event.commandId)
      to.uuid(event.orderId)
      break
    case 'order-amended':
      to.u32(event.accountId)
      to.i32(event.priceTicks)
      to.i32(event.quantityLots)
      to.i32(event.filledLots)
      to.u8(event.keptPriority ? 1 : 0)
      to.zeros(3)
      to.uuid(event.commandId)
      to.uuid(event.orderId)
      break
    case 'command-rejected':
      to.u32(event.accountId)
      to.u16(rejectionCodes.indexOf(event.code))
      to.u8(commandTypes.indexOf(event.commandType) + 1)
      to.zeros(1)
      to.uuid(event.commandId)
      break
    case 'account-opened':
      to.u32(event.accountId)
      to.uuid(event.commandId)
      to.text(event.account)
      break
    case 'deposited':
      to.u32(event.accountId)
      to.i64(event.amountMicros)
      to.i64(event.cashMicros)
      to.uuid(event.commandId)
      break
    case 'instrument-listed': {
      const { instrumentId, specificationVersion, specification } = event.instrument
      to.u32(instrumentId)
      to.u32(specificationVersion)
      to.uuid(event.commandId)
      to.u32(specification.makerCommissionPpm)
      to.u32(specification.takerCommissionPpm)
      to.i64(specification.expirationMillis)
      writeSpecificationTexts(to, specification)
      break
    }
    case 'instrument-expired':
      to.u32(event.instrumentId)
      to.uuid(event.commandId)
      break
    case 'command-duplicated':
      to.uuid(event.commandId)
      break
    case 'time-advanced':
      to.i64(event.atMillis)
      break
    case 'frame-poisoned':
      to.u8(poisonReasons.indexOf(event.reason))
      to.zeros(3)
      to.u32(event.bytes)
      to.hex(event.sha256, 32)
      break
  }
}

const readEvent = (from: WireReader, type: number): Event => {
  const name = eventTypes[type - 1]
  switch (name) {
    case 'order-accepted':
      return { type: name, ...readOrder(from) }
    case 'order-rejected': {
      const code = from.item(rejectionCodes, from.u16())
      from.zeros(2)
      return { type: name, ...readOrder(from), code }
    }
    case 'trade-executed': {
      const instrumentId = from.u32()
      const priceTicks = from.i32()
      const quantityLots = from.i32()
      const houseFeesMicros = from.i64()
      const maker = readLeg(from)
      return { type: name, instrumentId, priceTicks, quantityLots, maker, taker: readLeg(from), houseFeesMicros }
    }
    case 'order-cancelled': {
      const accountId = from.u32()
      const filledLots = from.i32()
      const cancelledLots = from.i32()
      const reason = from.oneOf(cancelReasons)
      from.zeros(3)
      const commandId = from.uuid()
      return { type: name, commandId, orderId: from.uuid(), accountId, reason, filledLots, cancelledLots }
    }
    case 'order-amended': {
      const accountId = from.u32()
      const priceTicks = from.i32()
      const quantityLots = from.i32()
      const filledLots = from.i32()
      const keptPriority = from.oneOf([false, true])
      from.zeros(3)
      const commandId = from.uuid()
      const orderId = from.uuid()
      return { type: name, commandId, orderId, accountId, priceTicks, quantityLots, filledLots, keptPriority }
    }
    case 'command-rejected': {
      const accountId = from.u32()
      const code = from.item(rejectionCodes, from.u16())
      const commandType = from.item(commandTypes, from.u8() - 1)
      if (commandType === 'place-order')
        throw new InvalidFrame('malformed-message', 'an order is refused by order-rejected')
      from.zeros(1)
      return { type: name, commandId: from.uuid(), commandType, accountId, code }
    }
    case 'account-opened': {
      const accountId = from.u32()
      const commandId = from.uuid()
      return { type: name, commandId, accountId, account: from.text() }
    }
    case 'deposited': {
      const accountId = from.u32()
      const amountMicros = from.i64()
      const cashMicros = from.i64()
      return { type: name, commandId: from.uuid(), accountId, amountMicros, cashMicros }
    }
    case 'instrument-listed': {
      const instrumentId = from.u32()
      const specificationVersion = from.u32()
      const commandId = from.uuid()
      const makerCommissionPpm = from.u32()
      const takerCommissionPpm = from.u32()
      const expirationMillis = from.i64()
      const texts = readSpecificationTexts(from)
      const specification = { ...texts, expirationMillis, makerCommissionPpm, takerCommissionPpm }
      const defined = defineInstrument(specification, instrumentId, specificationVersion)
      if (!defined.accepted) throw new InvalidFrame('malformed-message', `${defined.code} ${defined.detail ?? ''}`)
      return { type: name, commandId, instrument: defined.value }
    }
    case 'instrument-expired': {
      const instrumentId = from.u32()
      return { type: name, commandId: from.uuid(), instrumentId }
    }
    case 'command-duplicated':
      return { type: name, commandId: from.uuid() }
    case 'time-advanced':
      return { type: name, atMillis: from.i64() }
    case 'frame-poisoned': {
      const reason = from.oneOf(poisonReasons)
      from.zeros(3)
      const bytes = from.u32()
      return { type: name, reason, bytes, sha256: from.hex(32) }
    }
    default:
      throw new InvalidFrame('unknown-message', `event type ${type}`)
  }
}

const writeLeg = (to: WireWriter, leg: TradeLeg): void => {
  to.uuid(leg.orderId)
  to.u32(leg.accountId)
  to.i32(leg.filledLots)
  to.i32(leg.remainingLots)
  to.u8(directions.indexOf(leg.direction))
  to.zeros(3)
  to.i64(leg.filledTickLots)
  to.i64(leg.feeMicros)
  to.i64(leg.position.sizeLots)
  to.i64(leg.position.entryTickLots)
  to.i64(leg.position.realisedMicros)
  to.i64(leg.cashMicros)
}

const readLeg = (from: WireReader): TradeLeg => {
  const orderId = from.uuid()
  const accountId = from.u32()
  const filledLots = from.i32()
  const remainingLots = from.i32()
  const direction = from.oneOf(directions)
  from.zeros(3)
  const filledTickLots = from.i64()
  const feeMicros = from.i64()
  const position = { sizeLots: from.i64(), entryTickLots: from.i64(), realisedMicros: from.i64() }
  const cashMicros = from.i64()
  return {
    orderId,
    accountId,
    direction,
    filledLots,
    remainingLots,
    filledTickLots,
    feeMicros,
    position,
    cashMicros,
  }
}

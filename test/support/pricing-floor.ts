import { type BookRow, bookPut } from '#adapters/tables/books.ts'
import { indexQuotePut } from '#adapters/tables/index-quotes.ts'
import { forgetInstruments, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { activatedVersionPut } from '#adapters/tables/lane-events.ts'
import type { ContractSpecification } from '#domain/reference/instrument.ts'
import { versionOfContracts } from '#domain/trading/engine-version.ts'
import type { MarketData } from '#domain/trading/market-data.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import { forgetMeasured } from '#lambdas/pricing/index-facts.ts'
import { forgetFixings } from '#lambdas/pricing/known-fixings.ts'
import { forgetEngineVersions } from '#lambdas/reference/engine-version-needed.ts'
import { indexValueOf } from '#lambdas/shell/index-level.ts'
import { sideOf } from './market-data.ts'
import { openTradingFloor, type TradingFloor } from './trading-floor.ts'

export const underlying = 'H100.USE'
export const futureName = 'H100.USE-01DEC26'

/** A trading floor with an index, futures and options on it, and their books. */
export interface PricingFloor extends TradingFloor {
  /** A method of one source, and its quote of now. */
  index(level: string | undefined, name?: string): void
  fixing(atMillis: number, level: string, name?: string): void
  contract(
    change: Partial<Omit<ContractSpecification, 'terms'>> & { readonly terms?: object },
    lane?: number,
  ): InstrumentRow
  future(lane?: number): InstrumentRow
  option(strike: string, optionType: 'call' | 'put', more?: object): InstrumentRow
  /** Best prices in ticks; 0 is none. */
  book(row: InstrumentRow, bidTicks: number, askTicks: number, more?: Partial<MarketData>): BookRow
  /** The lane follows the rules that know contracts of every kind. */
  activate(lane: number): void
}

/** Copies that the functions' processes keep are those of a new floor. */
const forgetAll = (): void => {
  forgetFixings()
  forgetMeasured()
  forgetEngineVersions()
}

/** When all of it is. */
export const pricingNow = Date.UTC(2026, 9, 15, 10, 30)

export const openPricingFloor = (): PricingFloor => {
  const floor = openTradingFloor()
  const pricing: PricingFloor = {
    ...floor,
    reset() {
      // Without the instrument that every trading floor begins with.
      floor.tables.reset()
      floor.streams.reset()
      forgetInstruments()
      forgetAll()
    },
    index(level, name = underlying) {
      floor.tables.seed('parameters', {
        kind: 'index',
        version_key: `${name}#2026-01-01T00:00:00.000Z#000001`,
        name,
        effective_millis: Date.UTC(2026, 0, 1),
        version: 1,
        value: indexValueOf({
          unit: 'USD per GPU-hour',
          description: 'for tests',
          sources: [{ source: 'one', weightPpm: 1_000_000 }],
          fixingIntervalMillis: 3_600_000,
          staleAfterMillis: 3_600_000,
          outlierPpm: 100_000,
          trimPpm: 0,
          leastSources: 1,
          decimals: 4,
          fallback: 'none',
          fallbackAfterMillis: 60_000,
          fallbackMaxAgeMillis: 3_600_000,
        }),
        set_by: 'ops',
        set_at_millis: 1,
      })
      if (level === undefined) return
      const nowMillis = Date.now()
      const quote = {
        index: name,
        source: 'one',
        level,
        quotedAtMillis: nowMillis,
        receivedAtMillis: nowMillis,
        earlier: [],
      }
      floor.seed('indexQuotes', indexQuotePut(quote, undefined))
    },
    fixing(atMillis, level, name = underlying) {
      floor.tables.seed('fixings', {
        index: name,
        fixing_millis: atMillis,
        level,
        is_fallback: false,
        method_version: 1,
        inputs: [],
      })
    },
    contract({ terms, ...change }, lane = 1) {
      return floor.instrument(lane, {
        instrumentName: futureName,
        underlying,
        tickSize: '0.001',
        minTradeAmount: '1',
        contractSize: '1',
        maxPrice: '10',
        expirationMillis: Date.UTC(2026, 11, 1),
        ...change,
        terms: terms === undefined ? '' : JSON.stringify(terms),
      })
    },
    future: lane => pricing.contract({ terms: { index: underlying, averaging_start: '2026-11-01T00:00:00Z' } }, lane),
    option: (strike, optionType, more = {}) =>
      pricing.contract({
        instrumentName: `${futureName}-${strike}-${optionType === 'call' ? 'C' : 'P'}`,
        kind: 'option',
        terms: { option_type: optionType, strike, underlying_instrument: futureName, ...more },
      }),
    book({ lane, instrument }, bidTicks, askTicks, more = {}) {
      const row: BookRow = {
        lane,
        instrumentId: instrument.instrumentId,
        market: {
          ...newMarket,
          state: 'continuous',
          bids: bidTicks === 0 ? newMarket.bids : sideOf(false, [bidTicks, 10]),
          asks: askTicks === 0 ? newMarket.asks : sideOf(true, [askTicks, 10]),
          ...more,
        },
        updatedAtMillis: Date.now(),
        outSeq: 1,
      }
      floor.seed('books', bookPut(row))
      return row
    },
    activate(lane) {
      floor.seed('lanes', activatedVersionPut(lane, { version: versionOfContracts, atMillis: 1 }))
    },
  }
  return pricing
}

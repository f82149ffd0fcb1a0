import type { BarrierType } from '#domain/pricing/barrier.ts'
import type { SpotOptionInputs } from '#domain/pricing/black-scholes-merton.ts'
import type { OptionType } from '#domain/pricing/european.ts'

export type Values = Readonly<Record<string, unknown>>

export const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The inputs of a case. What is missing or of another type is NaN or an empty text: the pricers refuse it by name, so a case
 * of rubbish is a refusal and no error.
 */
export class CaseInputs {
  readonly values: Values

  constructor(values: unknown) {
    this.values = isValues(values) ? values : {}
  }

  has(name: string): boolean {
    return this.value(name) !== undefined && this.value(name) !== null
  }

  number(name: string): number {
    return numberOf(this.value(name))
  }

  text(name: string): string {
    const value = this.value(name)
    return typeof value === 'string' ? value : ''
  }

  list(name: string): readonly number[] {
    const value = this.value(name)
    return Array.isArray(value) ? value.map(numberOf) : []
  }

  /** A list of [number, number]. */
  pairs(name: string): readonly (readonly [number, number])[] {
    const value = this.value(name)
    if (!Array.isArray(value)) return []
    return value.map((pair: unknown) => (Array.isArray(pair) ? [numberOf(pair[0]), numberOf(pair[1])] : [NaN, NaN]))
  }

  within(name: string): CaseInputs {
    return new CaseInputs(this.value(name))
  }

  records(name: string): readonly CaseInputs[] {
    const value = this.value(name)
    return Array.isArray(value) ? value.map(item => new CaseInputs(item)) : []
  }

  /** Whatever the case says: a pricer refuses what is neither. */
  get optionType(): OptionType {
    return this.text('type') as OptionType
  }

  get market(): Omit<SpotOptionInputs, 'optionType' | 'strike'> {
    return {
      spot: this.number('S'),
      timeYears: this.number('T'),
      volatility: this.number('vol'),
      rate: this.number('r'),
      yieldRate: this.number('q'),
    }
  }

  get option(): SpotOptionInputs {
    return { ...this.market, optionType: this.optionType, strike: this.number('K') }
  }

  get barrierType(): BarrierType {
    const name = this.text('barrier')
    return (barrierNames.get(name) ?? name) as BarrierType
  }

  /** Only what the case itself names: a case may be called `__proto__`. */
  private value(name: string): unknown {
    return Object.hasOwn(this.values, name) ? this.values[name] : undefined
  }
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN)

const barrierNames: ReadonlyMap<string, BarrierType> = new Map([
  ['DownIn', 'down-in'],
  ['DownOut', 'down-out'],
  ['UpIn', 'up-in'],
  ['UpOut', 'up-out'],
])

import { createHash } from 'node:crypto'
import { decimalOfMicros, micros } from '../units.ts'
import type { ContractKind, ContractTerms, DeliveryTerms, OptionTerms } from './contract-terms.ts'

/**
 * What the name of a contract says of it. The table of all forms is in docs/instrument-names.md; by kind:
 *
 * future             H100.USE-27NOV26                  underlying, UTC day of expiration
 *                    H100.USE-27NOV26-H05              delivered: the UTC day and hour in which that begins; where it
 *                    H100.USE-27NOV26-H05.12           lasts longer, how many hours
 * option             H100.USE-27NOV26-2.50-C           and strike, C or P, and what it is beyond a European option:
 *                    …-C-AM   …-C-AVG                  American; on the average price;
 *                    …-C-DIG1.00   …-C-UO3.00          pays a fixed amount; barrier (U up, D down, I in, O out);
 *                    …-C-AVG.UO3.00                    both
 * swap               H100.USE-SWAP-NOV26-JAN27          first and last month of its legs; one alone where they are one
 * variance swap      H100.USE-27NOV26-VAR
 * latency future     LAT-INFER.USE-27NOV26             the 99th percentile; another one is told: …-P95, …-P99.9
 * uptime swap        UP-INFER.USE-27NOV26
 * performance bond   BOND-INFER.USE-27NOV26
 * accuracy contract  ACC-CFD.USE-27NOV26
 * job contract       JOB-TRAIN7.USE-27NOV26
 * collateral         COLL-TBILL3M                      the asset
 * structured product SP-H100.USE-27NOV26-9F3A01        and a label: six hex digits of its payoff's SHA-256 unless given
 *
 * Prices have at least two digits after the point and no more than they need. Contracts that differ in what a name does not
 * say end with a series letter: H100.USE-27NOV26.B.
 */
export type NamedContract = {
  readonly underlying: string
  /** One letter; absent where there is only one contract of the name. */
  readonly series?: string
} & (
  | {
      readonly kind: Exclude<
        ContractKind,
        'future' | 'option' | 'swap' | 'latency_future' | 'structured_product' | 'collateral'
      >
      readonly day: string
    }
  | { readonly kind: 'future'; readonly day: string; readonly delivery?: NamedDelivery }
  | { readonly kind: 'option'; readonly day: string; readonly option: NamedOption }
  | { readonly kind: 'swap'; readonly firstMonth: string; readonly lastMonth: string }
  | { readonly kind: 'latency_future'; readonly day: string; readonly percentilePpm: number }
  | { readonly kind: 'structured_product'; readonly day: string; readonly label: string }
  | { readonly kind: 'collateral' }
)

/** From which hour of the day on, and for how many. */
export interface NamedDelivery {
  readonly hour: number
  readonly hours: number
}

export interface NamedOption {
  readonly optionType: 'call' | 'put'
  readonly strike: string
  readonly isAmerican: boolean
  readonly isAverage: boolean
  /** Paid by a digital. */
  readonly cash?: string
  readonly barrier?: { readonly direction: 'up-in' | 'up-out' | 'down-in' | 'down-out'; readonly level: string }
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'] as const
const prefixes = {
  latency_future: 'LAT',
  uptime_swap: 'UP',
  performance_bond: 'BOND',
  accuracy_contract: 'ACC',
  job_contract: 'JOB',
  structured_product: 'SP',
  collateral: 'COLL',
} as const
const barrierCodes = { 'up-in': 'UI', 'up-out': 'UO', 'down-in': 'DI', 'down-out': 'DO' } as const
const usualPercentilePpm = 990_000

/** The UTC day of an instant as names have it: `27NOV26`. */
export const dayCode = (millis: number): string =>
  `${String(new Date(millis).getUTCDate()).padStart(2, '0')}${monthCode(millis)}`

/** `NOV26`. */
const monthCode = (millis: number): string => {
  const at = new Date(millis)
  return `${monthNames[at.getUTCMonth()]}${String(at.getUTCFullYear() % 100).padStart(2, '0')}`
}

/** The name that says this. */
export const instrumentNameOf = (contract: NamedContract): string => {
  const { underlying, series } = contract
  const name = (...parts: readonly string[]): string => parts.join('-') + (series === undefined ? '' : `.${series}`)
  switch (contract.kind) {
    case 'future':
      return name(underlying, contract.day, ...deliveryParts(contract.delivery))
    case 'variance_swap':
      return name(underlying, contract.day, 'VAR')
    case 'option':
      return name(underlying, contract.day, ...optionParts(contract.option))
    case 'swap': {
      const { firstMonth, lastMonth } = contract
      return name(underlying, 'SWAP', firstMonth, ...(firstMonth === lastMonth ? [] : [lastMonth]))
    }
    case 'latency_future': {
      const { percentilePpm } = contract
      const isUsual = percentilePpm === usualPercentilePpm
      return name(
        prefixes.latency_future,
        underlying,
        contract.day,
        ...(isUsual ? [] : [`P${decimalOfMicros(percentilePpm * 100)}`]),
      )
    }
    case 'structured_product':
      return name(prefixes.structured_product, underlying, contract.day, contract.label)
    case 'collateral':
      return name(prefixes.collateral, underlying)
    default:
      return name(prefixes[contract.kind], underlying, contract.day)
  }
}

const deliveryParts = (delivery: NamedDelivery | undefined): readonly string[] => {
  if (delivery === undefined) return []
  const { hour, hours } = delivery
  return [`H${String(hour).padStart(2, '0')}${hours === 1 ? '' : `.${hours}`}`]
}

const optionParts = ({ optionType, strike, isAmerican, isAverage, cash, barrier }: NamedOption): readonly string[] => {
  const beyond = [
    ...(isAmerican ? ['AM'] : []),
    ...(isAverage ? ['AVG'] : []),
    ...(cash === undefined ? [] : [`DIG${priceCode(cash)}`]),
    ...(barrier === undefined ? [] : [`${barrierCodes[barrier.direction]}${priceCode(barrier.level)}`]),
  ]
  return [priceCode(strike), optionType === 'call' ? 'C' : 'P', ...(beyond.length === 0 ? [] : [beyond.join('.')])]
}

/** `2.5` as `2.50`. */
const priceCode = (price: string): string => {
  const [whole = '', fraction = ''] = shortest(price).split('.')
  return `${whole}.${fraction.padEnd(2, '0')}`
}

const shortest = (price: string): string => decimalOfMicros(micros(price) ?? 0)

const day = '(?<day>\\d{2}(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\\d{2})'
const month = '(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)\\d{2}'
const price = '(?:0|[1-9]\\d*)\\.\\d{2,6}'
const underlying = '(?<underlying>[A-Z0-9][A-Z0-9._]{0,30})'
const series = '(?:\\.(?<series>[A-Z]))?'
const pattern = (...parts: readonly string[]): RegExp => new RegExp(`^${parts.join('-')}${series}$`)

const futurePattern = pattern(underlying, day)
const deliveryPattern = pattern(underlying, day, 'H(?<hour>[01]\\d|2[0-3])(?:\\.(?<hours>[1-9]\\d{0,5}))?')
const variancePattern = pattern(underlying, day, 'VAR')
const swapPattern = pattern(underlying, 'SWAP', `(?<first>${month})(?:-(?<last>${month}))?`)
const optionPattern = pattern(
  underlying,
  day,
  `(?<strike>${price})`,
  `(?<type>[CP])(?:-(?:(?<american>AM)|(?<average>AVG)|(?<averageOf>AVG\\.)?(?:DIG(?<cash>${price})|(?<barrier>[UD][IO])(?<level>${price}))))?`,
)
const measuredPattern = pattern(
  '(?<prefix>LAT|UP|BOND|ACC|JOB)',
  underlying,
  `${day}(?:-P(?<percentile>\\d{1,3}(?:\\.\\d{1,4})?))?`,
)
const collateralPattern = pattern('COLL', underlying)
const structuredPattern = pattern('SP', underlying, day, '(?<label>[A-Z0-9_]{1,14})')

/** What a name says; undefined where it is none of a contract of ours, or not as `instrumentNameOf` writes it. */
export const readInstrumentName = (name: string): NamedContract | undefined => {
  for (const read of readers) {
    const contract = read(name)
    if (contract !== undefined && instrumentNameOf(contract) === name) return contract
  }
  return undefined
}

type Groups = Readonly<Record<string, string | undefined>>

const groupsOf = (matched: RegExpExecArray | null): Groups | undefined => matched?.groups

const sharedOf = ({ underlying = '', series }: Groups) => ({ underlying, ...(series === undefined ? {} : { series }) })

const readers: readonly ((name: string) => NamedContract | undefined)[] = [
  name => {
    const found = groupsOf(measuredPattern.exec(name))
    if (found === undefined) return undefined
    const { day = '', prefix, percentile } = found
    if (prefix === 'LAT') {
      const ppm = percentile === undefined ? usualPercentilePpm : Math.round(Number(percentile) * 10_000)
      return { ...sharedOf(found), kind: 'latency_future', day, percentilePpm: ppm }
    }
    const kind = measuredKinds.find(each => prefixes[each] === prefix)
    return kind === undefined || percentile !== undefined ? undefined : { ...sharedOf(found), kind, day }
  },
  name => {
    const found = groupsOf(structuredPattern.exec(name))
    return (
      found && { ...sharedOf(found), kind: 'structured_product', day: found['day'] ?? '', label: found['label'] ?? '' }
    )
  },
  name => {
    const found = groupsOf(collateralPattern.exec(name))
    return found && { ...sharedOf(found), kind: 'collateral' }
  },
  name => {
    const found = groupsOf(swapPattern.exec(name))
    if (found === undefined) return undefined
    const { first = '', last = first } = found
    return { ...sharedOf(found), kind: 'swap', firstMonth: first, lastMonth: last }
  },
  name => {
    const found = groupsOf(variancePattern.exec(name))
    return found && { ...sharedOf(found), kind: 'variance_swap', day: found['day'] ?? '' }
  },
  name => {
    const found = groupsOf(optionPattern.exec(name))
    if (found === undefined) return undefined
    const { day = '', strike = '', type, american, average, averageOf, cash, barrier, level } = found
    const direction = directions.find(each => barrierCodes[each] === barrier)
    return {
      ...sharedOf(found),
      kind: 'option',
      day,
      option: {
        optionType: type === 'C' ? 'call' : 'put',
        strike: shortest(strike),
        isAmerican: american !== undefined,
        isAverage: (average ?? averageOf) !== undefined,
        ...(cash === undefined ? {} : { cash: shortest(cash) }),
        ...(direction === undefined || level === undefined ? {} : { barrier: { direction, level: shortest(level) } }),
      },
    }
  },
  name => {
    const found = groupsOf(futurePattern.exec(name))
    return found && { ...sharedOf(found), kind: 'future', day: found['day'] ?? '' }
  },
  name => {
    const found = groupsOf(deliveryPattern.exec(name))
    if (found === undefined) return undefined
    const delivery = { hour: Number(found['hour']), hours: Number(found['hours'] ?? 1) }
    return { ...sharedOf(found), kind: 'future', day: found['day'] ?? '', delivery }
  },
]

const measuredKinds = ['uptime_swap', 'performance_bond', 'accuracy_contract', 'job_contract'] as const
const directions = ['up-in', 'up-out', 'down-in', 'down-out'] as const

/** What the name of a contract of these terms says; of a structured product the label is made of its payoff. */
export const namedContract = (terms: ContractTerms, underlying: string, expirationMillis: number): NamedContract => {
  const day = dayCode(expirationMillis)
  switch (terms.kind) {
    case 'future':
      return { kind: 'future', underlying, ...(terms.delivery === undefined ? { day } : namedDelivery(terms.delivery)) }
    case 'option':
      return { kind: 'option', underlying, day, option: namedOption(terms) }
    case 'swap':
      return {
        kind: 'swap',
        underlying,
        firstMonth: monthCode(terms.boundariesMillis[0] ?? 0),
        // The last boundary is the end of the last leg.
        lastMonth: monthCode((terms.boundariesMillis.at(-1) ?? 1) - 1),
      }
    case 'latency_future':
      return { kind: 'latency_future', underlying, day, percentilePpm: terms.percentilePpm }
    case 'structured_product':
      return { kind: 'structured_product', underlying, day, label: payoffLabel(terms.payoff) }
    case 'collateral':
      return { kind: 'collateral', underlying }
    default:
      return { kind: terms.kind, underlying, day }
  }
}

const hourMillis = 3_600_000

const namedDelivery = ({ startMillis, endMillis }: DeliveryTerms) => ({
  day: dayCode(startMillis),
  delivery: { hour: new Date(startMillis).getUTCHours(), hours: (endMillis - startMillis) / hourMillis },
})

const payoffLabel = (payoff: unknown): string =>
  createHash('sha256').update(JSON.stringify(payoff)).digest('hex').slice(0, 6).toUpperCase()

const namedOption = ({
  optionType,
  strike,
  exercise,
  averagingStartMillis,
  cash,
  barrier,
}: OptionTerms): NamedOption => ({
  optionType,
  strike: shortest(strike),
  isAmerican: exercise === 'american',
  isAverage: averagingStartMillis !== undefined,
  ...(cash === undefined ? {} : { cash: shortest(cash) }),
  ...(barrier === undefined ? {} : { barrier: { direction: barrier.direction, level: shortest(barrier.level) } }),
})

/** Whether the name says what the contract is: all of it but the series letter, and the label of a structured product. */
export const nameFits = (name: string, contract: NamedContract): boolean => {
  const read = readInstrumentName(name)
  if (read === undefined) return false
  const free = {
    ...(read.series === undefined ? {} : { series: read.series }),
    ...(read.kind === 'structured_product' ? { label: read.label } : {}),
  }
  return instrumentNameOf({ ...contract, ...free }) === name
}

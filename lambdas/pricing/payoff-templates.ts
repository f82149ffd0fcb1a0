import {
  autocallable,
  cliquet,
  computeCostCap,
  type PayoffDocument,
  rangeAccrual,
  reverseConvertible,
} from '#domain/pricing/payoff-templates.ts'
import type { PayoffTemplate } from '#protocol/operations/pricing.ts'

/** The payoff document that a template makes of its terms. */
export const payoffOf = ({ template, terms }: PayoffTemplate): PayoffDocument => {
  switch (template) {
    case 'autocallable':
      return autocallable({
        index: terms.index,
        initialLevel: terms.initial_level,
        dates: terms.dates,
        autocallLevel: terms.autocall_level,
        couponPerPeriod: terms.coupon_per_period,
        knockInLevel: terms.knock_in_level,
      })
    case 'reverse_convertible':
      return reverseConvertible({
        index: terms.index,
        strikeLevel: terms.strike_level,
        coupon: terms.coupon,
        date: terms.date,
      })
    case 'range_accrual':
      return rangeAccrual(terms)
    case 'cliquet':
      return cliquet(terms)
    case 'compute_cost_cap':
      return computeCostCap({
        index: terms.index,
        dates: terms.dates,
        capLevel: terms.cap_level,
        mostPaid: terms.most_paid,
      })
  }
}

export interface TemplateExample {
  readonly description: string
  readonly payoff: PayoffTemplate
}

/** One of each, on an index, observed monthly from a day on. */
export const templateExamples = (
  index: string,
  dates: readonly [string, string, string, string],
): readonly TemplateExample[] => {
  const [start, ...rest] = dates
  const last = dates[3]
  return [
    {
      description:
        'Redeemed early with its coupons so far once the index is at or above the autocall level on a date; else on the last date at par, or at level/initial below the knock-in level',
      payoff: {
        template: 'autocallable',
        terms: {
          index,
          initial_level: 2.5,
          dates: rest,
          autocall_level: 2.5,
          coupon_per_period: 0.03,
          knock_in_level: 1.75,
        },
      },
    },
    {
      description: 'Par and a fixed coupon, less what the index has fallen below the strike level, as a share of it',
      payoff: { template: 'reverse_convertible', terms: { index, strike_level: 2.5, coupon: 0.08, date: last } },
    },
    {
      description: 'The coupon times the share of dates on which the level is within [low, high]',
      payoff: { template: 'range_accrual', terms: { index, dates: rest, low: 2, high: 3, coupon: 0.1 } },
    },
    {
      description:
        'The sum of the periods’ returns, each kept within [floor, cap]; a floor of 0 or more, or it could cost its holder',
      payoff: { template: 'cliquet', terms: { index, start, dates: rest, floor: 0, cap: 0.05 } },
    },
    {
      description:
        'What compute costs above the cap level, averaged over the dates, up to most_paid for each unit-hour',
      payoff: { template: 'compute_cost_cap', terms: { index, dates: rest, cap_level: 3, most_paid: 2 } },
    },
  ]
}

import type { Clearing } from '#domain/auction/clearing.ts'
import type { DayAheadAuction, Side, StepOrder } from '#domain/auction/day-ahead-auction.ts'

export interface DrawnUnits {
  readonly ticksPerMoney: number
  readonly lotsPerQuantity: number
  readonly title: string
}

const panel = { width: 460, height: 300, left: 60, right: 16, top: 34, bottom: 40 }
const perRow = 2
const colours = { buy: '#1f5fbf', sell: '#c0392b', price: '#2d7d46', axis: '#666666' }

/** Supply and demand of one period, a panel an area: step curves, and where they cleared (dashed: price and lots of steps). */
export const curvesSvg = (auction: DayAheadAuction, clearing: Clearing, period: number, units: DrawnUnits): string => {
  const awarded = new Map(clearing.awards.map(({ orderId, lots }) => [orderId, lots]))
  const panels = auction.areas.map((area, i) => {
    const steps = auction.steps.filter(step => step.area === area && step.period === period)
    const price = clearing.markets.find(m => m.area === area && m.period === period)?.priceTicks ?? null
    const [x, y] = [(i % perRow) * panel.width, 30 + Math.floor(i / perRow) * panel.height]
    return `<g transform="translate(${x} ${y})">${panelOf(area, steps, price, awarded, units)}</g>`
  })
  const height = 30 + Math.ceil(auction.areas.length / perRow) * panel.height
  const width = panel.width * Math.min(perRow, auction.areas.length)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${panel.left}" y="20" font-size="14">${escaped(units.title)}</text>`,
    ...panels,
    '</svg>\n',
  ].join('\n')
}

const escaped = (text: string): string =>
  text.replace(/[<>&"'\p{C}]/gu, character => (/\p{C}/u.test(character) ? '' : `&#${character.codePointAt(0)};`))

const panelOf = (
  area: string,
  steps: readonly StepOrder[],
  priceTicks: number | null,
  awarded: ReadonlyMap<string, number>,
  { ticksPerMoney, lotsPerQuantity }: DrawnUnits,
): string => {
  const [demand, supply] = [stairs(steps, 'buy'), stairs(steps, 'sell')]
  const most = Math.max(1, ...[...demand, ...supply].map(([lots]) => lots))
  const ticks = steps.map(step => step.priceTicks)
  // A few orders at the limits of prices would press all others into one line: nine tenths of them fill the panel.
  const sorted = ticks.toSorted((a, b) => a - b)
  const quantile = (part: number): number => sorted[Math.floor(part * (sorted.length - 1))] ?? 0
  const [low, high] = [
    Math.min(quantile(0.05), priceTicks ?? Infinity),
    Math.max(quantile(0.95), priceTicks ?? -Infinity, quantile(0.05) + 1),
  ]
  const [plotWidth, plotHeight] = [panel.width - panel.left - panel.right, panel.height - panel.top - panel.bottom]
  const x = (lots: number): string => (panel.left + (lots / most) * plotWidth).toFixed(1)
  const y = (price: number): string => {
    const held = Math.min(high, Math.max(low, price))
    return (panel.top + ((high - held) / (high - low)) * plotHeight).toFixed(1)
  }
  const line = (points: readonly (readonly [number, number])[], colour: string): string =>
    points.length === 0
      ? ''
      : `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.map(([lots, at]) => `${x(lots)},${y(at)}`).join(' ')}"/>`
  const traded = steps.reduce((sum, step) => (step.side === 'buy' ? sum + (awarded.get(step.orderId) ?? 0) : sum), 0)
  const axis = (from: readonly [string | number, string | number], to: readonly [string | number, string | number]) =>
    `<line x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}" stroke="${colours.axis}"/>`
  const [bottom, right] = [panel.height - panel.bottom, panel.width - panel.right]
  const dashed = (x1: string | number, y1: string | number, x2: string | number, y2: string | number): string =>
    `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${colours.price}" stroke-dasharray="5 4"/>`
  const label = (at: readonly [string | number, string | number], anchor: string, text: string): string =>
    `<text x="${at[0]}" y="${at[1]}" text-anchor="${anchor}">${escaped(text)}</text>`
  const money = (at: number): string => (at / ticksPerMoney).toFixed(2)
  return [
    axis([panel.left, bottom], [right, bottom]),
    axis([panel.left, panel.top], [panel.left, bottom]),
    line(demand, colours.buy),
    line(supply, colours.sell),
    ...(priceTicks === null
      ? []
      : [dashed(panel.left, y(priceTicks), right, y(priceTicks)), dashed(x(traded), panel.top, x(traded), bottom)]),
    label([panel.left, panel.top - 10], 'start', `${area}  ${priceTicks === null ? 'no price' : money(priceTicks)}`),
    label([panel.left - 6, panel.top + 8], 'end', money(high)),
    label([panel.left - 6, bottom], 'end', money(low)),
    label([panel.left, bottom + 16], 'middle', '0'),
    label([right, bottom + 16], 'end', (most / lotsPerQuantity).toFixed(1)),
    `<text x="${right - 60}" y="${panel.top - 10}" text-anchor="end" fill="${colours.buy}">demand</text>`,
    `<text x="${right}" y="${panel.top - 10}" text-anchor="end" fill="${colours.sell}">supply</text>`,
  ].join('')
}

/** Lots at each price or better: dearest bid first, cheapest offer first. */
const stairs = (steps: readonly StepOrder[], side: Side): readonly (readonly [number, number])[] => {
  const sign = side === 'buy' ? -1 : 1
  const points: (readonly [number, number])[] = []
  let lots = 0
  for (const step of steps.filter(each => each.side === side).sort((a, b) => sign * (a.priceTicks - b.priceTicks))) {
    points.push([lots, step.priceTicks])
    lots += step.lots
    points.push([lots, step.priceTicks])
  }
  return points
}

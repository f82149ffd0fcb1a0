import type { Backtest, BacktestStrategy } from '#domain/partners/arbitrage-backtest.ts'

const size = { width: 860, height: 420, left: 90, right: 150, top: 46, bottom: 44 }
const colours: Readonly<Record<BacktestStrategy, string>> = {
  on_demand: '#888888',
  spot: '#1f5fbf',
  commitment_1y: '#c0392b',
  commitment_3y: '#8e44ad',
  best: '#2d7d46',
}
const million = 1_000_000

/** What each strategy had earned by the end of each month, all products together, in USD. */
export const backtestSvg = ({ strategies }: Backtest, title: string): string => {
  const sums = strategies.flatMap(({ months }) => months.map(({ cumulativeMicros }) => cumulativeMicros / million))
  const [low, high] = [Math.min(0, ...sums), Math.max(1, ...sums)]
  const months = strategies[0]?.months ?? []
  const [width, height] = [size.width - size.left - size.right, size.height - size.top - size.bottom]
  const x = (index: number): number => size.left + (index / Math.max(1, months.length - 1)) * width
  const y = (usd: number): number => size.top + ((high - usd) / (high - low)) * height
  const text = (at: readonly [number, number], anchor: string, words: string, colour = '#222222'): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${escaped(words)}</text>`
  const level = (usd: number): string =>
    `<line x1="${size.left}" y1="${y(usd).toFixed(1)}" x2="${size.left + width}" y2="${y(usd).toFixed(1)}" stroke="#dddddd"/>${text([size.left - 8, y(usd) + 4], 'end', inUsd(usd))}`
  // Names stand where their lines end, moved apart where those are close.
  let lowest = -Infinity
  const labels = strategies
    .map(({ strategy, months: own }) => ({ strategy, usd: (own.at(-1)?.cumulativeMicros ?? 0) / million }))
    .toSorted((a, b) => b.usd - a.usd)
    .map(({ strategy, usd }) => {
      lowest = Math.max(lowest + 14, y(usd) + 4)
      return text([size.left + width + 8, lowest], 'start', `${strategy} ${inUsd(usd)}`, colours[strategy])
    })
  const yearly = months.flatMap(({ atMillis }, index) => {
    const date = new Date(atMillis)
    return date.getUTCMonth() === 0 || index === 0 ? [{ index, words: date.toISOString().slice(0, 7) }] : []
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="${size.left}" y="22" font-size="14">${escaped(title)}</text>`,
    ...[low, low + (high - low) / 4, (low + high) / 2, high - (high - low) / 4, high, 0].map(level),
    ...yearly.map(({ index, words }) => text([x(index), size.height - size.bottom + 18], 'middle', words)),
    ...strategies.map(
      ({ strategy, months: own }) =>
        `<polyline fill="none" stroke="${colours[strategy]}" stroke-width="1.6" points="${own.map(({ cumulativeMicros }, index) => `${x(index).toFixed(1)},${y(cumulativeMicros / million).toFixed(1)}`).join(' ')}"/>`,
    ),
    ...labels,
    '</svg>\n',
  ].join('\n')
}

const inUsd = (usd: number): string => `${Math.round(usd).toLocaleString('en-US')}`

const escaped = (text: string): string =>
  text.replace(/[<>&"'\p{C}]/gu, character => (/\p{C}/u.test(character) ? '' : `&#${character.codePointAt(0)};`))

const { abs, cos, max, PI } = Math

export type QuadratureRule = readonly (readonly [node: number, weight: number])[]

/**
 * Nodes and weights of Gauss–Legendre on [−1, 1], ascending: exact for polynomials up to degree 2n − 1. Newton on the
 * three-term recurrence of the Legendre polynomials (Press et al., Numerical Recipes, 3rd ed., § 4.6).
 */
export const gaussLegendre = (points: number): QuadratureRule => {
  const rule: [number, number][] = []
  for (let i = 0; i < points; i++) {
    let x = -cos((PI * (i + 0.75)) / (points + 0.5))
    let derivative = 1
    for (let step = 0; step < 50; step++) {
      let [current, previous] = [1, 0]
      for (let n = 1; n <= points; n++) {
        ;[current, previous] = [((2 * n - 1) * x * current - (n - 1) * previous) / n, current]
      }
      derivative = (points * (x * current - previous)) / (x * x - 1)
      const change = current / derivative
      x -= change
      if (abs(change) < 1e-16) break
    }
    rule.push([x, 2 / ((1 - x * x) * derivative * derivative)])
  }
  return rule
}

const panelRule = gaussLegendre(12)

const panel = (f: (x: number) => number, low: number, high: number): number => {
  const half = (high - low) / 2
  const middle = low + half
  let sum = 0
  for (const [node, weight] of panelRule) sum += weight * f(middle + half * node)
  return sum * half
}

const deepestHalving = 30
/** A kink takes thirty; noise that no halving removes ends here. */
const mostHalvings = 4000

/**
 * ∫f over [low, high]: twelve-point Gauss–Legendre panels, halved where the halves disagree with the whole by more than
 * `tolerance` (absolute, of the whole integral: smooth panels are far better than that, kinks are cornered). The work is bounded whatever f is.
 */
export const integrate = (
  f: (x: number) => number,
  low: number,
  high: number,
  tolerance: number,
  panels = 4,
): number => {
  let halvings = 0
  const refine = (from: number, to: number, whole: number, allowed: number, depth: number): number => {
    halvings += 1
    const middle = (from + to) / 2
    const left = panel(f, from, middle)
    const right = panel(f, middle, to)
    if (!(abs(left + right - whole) > allowed) || depth === 0 || halvings > mostHalvings) return left + right
    return refine(from, middle, left, allowed / 2, depth - 1) + refine(middle, to, right, allowed / 2, depth - 1)
  }
  const width = (high - low) / panels
  let sum = 0
  for (let i = 0; i < panels; i++) {
    const from = low + i * width
    const to = i === panels - 1 ? high : from + width
    sum += refine(from, to, panel(f, from, to), max(tolerance / panels, 1e-300), deepestHalving)
  }
  return sum
}

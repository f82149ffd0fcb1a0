/**
 * Solves lower[i] x[i−1] + middle[i] x[i] + upper[i] x[i+1] = right[i] into `right`, in place; `upper` is overwritten.
 * Thomas's algorithm, for diagonally dominant systems; all arrays have the same length.
 */
export const solveTridiagonal = (
  lower: Float64Array,
  middle: Float64Array,
  upper: Float64Array,
  right: Float64Array,
): void => {
  const count = right.length
  let pivot = middle[0] ?? 1
  upper[0] = (upper[0] ?? 0) / pivot
  right[0] = (right[0] ?? 0) / pivot
  for (let i = 1; i < count; i++) {
    const below = lower[i] ?? 0
    pivot = (middle[i] ?? 1) - below * (upper[i - 1] ?? 0)
    upper[i] = (upper[i] ?? 0) / pivot
    right[i] = ((right[i] ?? 0) - below * (right[i - 1] ?? 0)) / pivot
  }
  for (let i = count - 2; i >= 0; i--) right[i] = (right[i] ?? 0) - (upper[i] ?? 0) * (right[i + 1] ?? 0)
}

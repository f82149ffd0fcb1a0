const { log, sqrt } = Math

/**
 * Uniform 32-bit numbers by xoshiro128++ (Blackman and Vigna, 2019), its state filled from the seed by splitmix32: the same
 * seed gives the same numbers on every machine.
 */
const uniforms = (seed: number): (() => number) => {
  let mix = seed >>> 0
  const next = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [a, b, c, d] = [next(), next(), next(), next() | 1]
  const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by))
  return () => {
    const result = (rotated(a + d, 7) + a) >>> 0
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotated(d, 11)
    return (result + 0.5) / 4294967296
  }
}

/** Standard normals by Marsaglia's polar method (1964). */
export const standardNormals = (seed: number): (() => number) => {
  const uniform = uniforms(seed)
  let spare: number | undefined
  return () => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    for (;;) {
      const [x, y] = [2 * uniform() - 1, 2 * uniform() - 1]
      const square = x * x + y * y
      if (square >= 1 || square === 0) continue
      const scale = sqrt((-2 * log(square)) / square)
      spare = y * scale
      return x * scale
    }
  }
}

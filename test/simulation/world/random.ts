/** All of a schedule's chance: sfc32, seeded through splitmix32, so that near seeds are far apart. */
const { imul } = Math
const twoTo32 = 4_294_967_296
const hexOfBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
/** Of the lowest eight bits. */
const hexOf = (bits: number): string => hexOfBytes[bits & 0xff] as string

export class Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number) {
    let state = seed | 0
    const splitmix = (): number => {
      state = (state + 0x9e3779b9) | 0
      let mixed = state ^ (state >>> 16)
      mixed = imul(mixed, 0x21f0aaad)
      mixed ^= mixed >>> 15
      mixed = imul(mixed, 0x735a2d97)
      return mixed ^ (mixed >>> 15)
    }
    this.a = splitmix()
    this.b = splitmix()
    this.c = splitmix()
    for (let i = 0; i < 8; i++) this.bits()
  }

  /** 32 of them, as a signed integer. */
  bits(): number {
    const sum = (this.a + this.b + this.counter) | 0
    this.counter = (this.counter + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return sum
  }

  /** From 0 to below 1. */
  unit(): number {
    return (this.bits() >>> 0) / twoTo32
  }

  /** An integer from 0 to below the bound. */
  below(bound: number): number {
    return Math.floor(this.unit() * bound)
  }

  /** An integer, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** Draws nothing where there is nothing to decide. */
  chance(probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.unit() < probability)
  }

  pick<Each>(from: readonly Each[]): Each {
    const picked = from[this.below(from.length)]
    if (picked === undefined) throw new RangeError('nothing to pick from')
    return picked
  }

  /** Another one that has nothing to do with what else is drawn, so that a new kind of draw does not change all others. */
  fork(purpose: string): Random {
    let seed = this.bits()
    for (let i = 0; i < purpose.length; i++) seed = imul(seed ^ purpose.charCodeAt(i), 0x01000193)
    return new Random(seed)
  }

  /** In the form of an id of the exchange (UUID, version 7). */
  uuid(): string {
    const [a, b, c, d] = [this.bits(), this.bits(), this.bits(), this.bits()]
    return (
      `${hexOf(a >>> 24)}${hexOf(a >>> 16)}${hexOf(a >>> 8)}${hexOf(a)}-${hexOf(b >>> 24)}${hexOf(b >>> 16)}-` +
      `${hexOf(((b >>> 8) & 0x0f) | 0x70)}${hexOf(b)}-${hexOf(((c >>> 24) & 0x0f) | 0x80)}${hexOf(c >>> 16)}-` +
      `${hexOf(c >>> 8)}${hexOf(c)}${hexOf(d >>> 24)}${hexOf(d >>> 16)}${hexOf(d >>> 8)}${hexOf(d)}`
    )
  }
}

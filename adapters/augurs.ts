import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { AutoETS, initSync as startEts } from '@bsull/augurs/ets'
import { MSTL, initSync as startMstl } from '@bsull/augurs/mstl'
import type { ContinueSeasons } from '#domain/capacity/forecast-models.ts'

/**
 * augurs (Rust, compiled to WebAssembly): MSTL with ETS as its trend, or ETS alone. No threads, no clock, no randomness.
 * Loaded once a process.
 */
export const loadForecaster = (): ContinueSeasons => {
  if (!isLoaded) {
    startEts({ module: readFileSync(wasmFile('ets_bg.wasm')) })
    startMstl({ module: readFileSync(wasmFile('mstl_bg.wasm')) })
    isLoaded = true
  }
  return continued
}

let isLoaded = false

/** Beside the bundle where there is one, else in the package. */
const wasmFile = (name: string): string => {
  const beside = join(import.meta.dirname, name)
  if (existsSync(beside)) return beside
  return join(dirname(createRequire(import.meta.url).resolve('@bsull/augurs/ets')), name)
}

const continued: ContinueSeasons = (history, periods, horizon) => {
  const model = periods.length > 0 ? MSTL.ets(Uint32Array.from(periods)) : new AutoETS(1, 'ZZN')
  try {
    model.fit(history)
    return Float64Array.from(model.predict(horizon).point)
  } catch (error) {
    // What it throws is text or an error of its own: no model fits, as of a series that never changes.
    if (error instanceof Error && error.name === 'RuntimeError') throw error
    return undefined
  } finally {
    model.free()
  }
}

import { createHash } from 'node:crypto'
import type { EngineState } from '#domain/trading/engine.ts'

/** SHA-256 of a snapshot: equal for equal states, whichever way they were reached. */
export const stateHashOf = (state: EngineState): string =>
  createHash('sha256').update(JSON.stringify(state)).digest('hex')

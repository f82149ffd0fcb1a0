import type { setLiquidationParameters } from '#protocol/operations/liquidation.ts'
import { changeParameters, heldView } from '../shell/held-parameters.ts'
import type { Handle } from '../shell/http.ts'
import { liquidationParameterKind } from './liquidation-terms.ts'

const reserveNearerThanCollar = {
  code: 'invalid-request',
  errors: [{ pointer: '#/auction_reserve_ppm', detail: 'must not be nearer to the mark than collar_ppm' }],
} as const

export const handle: Handle<typeof setLiquidationParameters> = async ({ body, principal }) => {
  const { effective_from: effectiveFrom, ...changes } = body
  const changed = await changeParameters(liquidationParameterKind, {
    name: undefined,
    effectiveFrom,
    changes,
    setBy: principal.account,
    refusal: moments =>
      moments.flat().some(({ terms }) => terms.auction_reserve_ppm < terms.collar_ppm)
        ? reserveNearerThanCollar
        : undefined,
  })
  return 'terms' in changed ? { status: 200, body: heldView(changed) } : changed
}

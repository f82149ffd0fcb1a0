import type { getLiquidationParameters } from '#protocol/operations/liquidation.ts'
import { heldView } from '../shell/held-parameters.ts'
import type { Handle } from '../shell/http.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'

export const handle: Handle<typeof getLiquidationParameters> = async () => ({
  status: 200,
  body: heldView(await liquidationTermsAt(Date.now())),
})

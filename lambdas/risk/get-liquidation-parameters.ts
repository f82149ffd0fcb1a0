import type { getLiquidationParameters } from '#protocol/operations/liquidation.ts'
import type { Handle } from '../shell/http.ts'
import { liquidationParametersView } from './liquidation-parameters-view.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'

export const handle: Handle<typeof getLiquidationParameters> = async () => ({
  status: 200,
  body: liquidationParametersView(await liquidationTermsAt(Date.now())),
})

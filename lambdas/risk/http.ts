import { riskOperations } from '#protocol/operations/risk.ts'
import { serve } from '../shell/serve.ts'
import * as approveParameterChange from './approve-parameter-change.ts'
import * as approveRiskLimits from './approve-risk-limits.ts'
import * as bidInBackstopAuction from './bid-in-backstop-auction.ts'
import * as getCurrentScenarioSet from './get-current-scenario-set.ts'
import * as getExposures from './get-exposures.ts'
import * as getLimitScaling from './get-limit-scaling.ts'
import * as getLiquidation from './get-liquidation.ts'
import * as getLiquidationParameters from './get-liquidation-parameters.ts'
import * as getMargin from './get-margin.ts'
import * as getMarginStatement from './get-margin-statement.ts'
import * as getRiskLimits from './get-risk-limits.ts'
import * as getRiskParameters from './get-risk-parameters.ts'
import * as listBackstopAuctions from './list-backstop-auctions.ts'
import * as listLiquidations from './list-liquidations.ts'
import * as listParameterRequests from './list-parameter-requests.ts'
import * as previewMargin from './preview-margin.ts'
import * as resumeLiquidation from './resume-liquidation.ts'
import * as setLimitScaling from './set-limit-scaling.ts'
import * as setLiquidationParameters from './set-liquidation-parameters.ts'
import * as setRiskLimits from './set-risk-limits.ts'
import * as setRiskParameters from './set-risk-parameters.ts'
import * as stopTrading from './stop-trading.ts'
import * as stressRisk from './stress-risk.ts'

export const handler = serve('risk', riskOperations, {
  'get-current-scenario-set': getCurrentScenarioSet.handle,
  'get-risk-parameters': getRiskParameters.handle,
  'set-risk-parameters': setRiskParameters.handle,
  'list-parameter-requests': listParameterRequests.handle,
  'approve-parameter-change': approveParameterChange.handle,
  'bid-in-backstop-auction': bidInBackstopAuction.handle,
  'get-liquidation': getLiquidation.handle,
  'get-liquidation-parameters': getLiquidationParameters.handle,
  'list-backstop-auctions': listBackstopAuctions.handle,
  'list-liquidations': listLiquidations.handle,
  'resume-liquidation': resumeLiquidation.handle,
  'set-liquidation-parameters': setLiquidationParameters.handle,
  'get-risk-limits': getRiskLimits.handle,
  'set-risk-limits': setRiskLimits.handle,
  'approve-risk-limits': approveRiskLimits.handle,
  'stop-trading': stopTrading.handle,
  'get-limit-scaling': getLimitScaling.handle,
  'set-limit-scaling': setLimitScaling.handle,
  'get-exposures': getExposures.handle,
  'get-margin': getMargin.handle,
  'get-margin-statement': getMarginStatement.handle,
  'preview-margin': previewMargin.handle,
  'stress-risk': stressRisk.handle,
})

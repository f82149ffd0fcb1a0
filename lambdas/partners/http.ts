import { partnersOperations } from '#protocol/operations/partners.ts'
import { serve } from '../shell/serve.ts'
import * as addCatalogueProducts from './add-catalogue-products.ts'
import * as beginCatalogueImport from './begin-catalogue-import.ts'
import * as completeCatalogueImport from './complete-catalogue-import.ts'
import * as createPartnerContract from './create-partner-contract.ts'
import * as executeArbitrage from './execute-arbitrage.ts'
import * as findBestPrice from './find-best-price.ts'
import * as getArbitrageExecution from './get-arbitrage-execution.ts'
import * as getArbitragePolicy from './get-arbitrage-policy.ts'
import * as getPartnerContract from './get-partner-contract.ts'
import * as getPartnerPurchase from './get-partner-purchase.ts'
import * as listArbitrageExecutions from './list-arbitrage-executions.ts'
import * as listArbitrageOpportunities from './list-arbitrage-opportunities.ts'
import * as listCatalogues from './list-catalogues.ts'
import * as listPartnerContracts from './list-partner-contracts.ts'
import * as listPartnerInventory from './list-partner-inventory.ts'
import * as listPartnerPurchases from './list-partner-purchases.ts'
import * as listScreenedPrices from './list-screened-prices.ts'
import * as purchaseCapacity from './purchase-capacity.ts'
import * as resumeArbitrageExecution from './resume-arbitrage-execution.ts'
import * as setArbitragePolicy from './set-arbitrage-policy.ts'

export const handler = serve('partners', partnersOperations, {
  'create-partner-contract': createPartnerContract.handle,
  'list-partner-contracts': listPartnerContracts.handle,
  'get-partner-contract': getPartnerContract.handle,
  'find-best-price': findBestPrice.handle,
  'purchase-capacity': purchaseCapacity.handle,
  'list-partner-purchases': listPartnerPurchases.handle,
  'get-partner-purchase': getPartnerPurchase.handle,
  'list-partner-inventory': listPartnerInventory.handle,
  'begin-catalogue-import': beginCatalogueImport.handle,
  'add-catalogue-products': addCatalogueProducts.handle,
  'complete-catalogue-import': completeCatalogueImport.handle,
  'list-catalogues': listCatalogues.handle,
  'list-screened-prices': listScreenedPrices.handle,
  'list-arbitrage-opportunities': listArbitrageOpportunities.handle,
  'execute-arbitrage': executeArbitrage.handle,
  'list-arbitrage-executions': listArbitrageExecutions.handle,
  'get-arbitrage-execution': getArbitrageExecution.handle,
  'resume-arbitrage-execution': resumeArbitrageExecution.handle,
  'get-arbitrage-policy': getArbitragePolicy.handle,
  'set-arbitrage-policy': setArbitragePolicy.handle,
})

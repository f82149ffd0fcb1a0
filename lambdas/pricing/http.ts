import { pricingOperations } from '#protocol/operations/pricing.ts'
import { serve } from '../shell/serve.ts'
import * as createStructuredProduct from './create-structured-product.ts'
import * as getMarkingParameters from './get-marking-parameters.ts'
import * as getSwapCurve from './get-swap-curve.ts'
import * as getVolatilityIndex from './get-volatility-index.ts'
import * as getVolatilitySurface from './get-volatility-surface.ts'
import * as listStructuredProductTemplates from './list-structured-product-templates.ts'
import * as previewStructuredProduct from './preview-structured-product.ts'
import * as setMarkingParameters from './set-marking-parameters.ts'

export const handler = serve('pricing', pricingOperations, {
  'get-marking-parameters': getMarkingParameters.handle,
  'set-marking-parameters': setMarkingParameters.handle,
  'get-volatility-surface': getVolatilitySurface.handle,
  'get-volatility-index': getVolatilityIndex.handle,
  'get-swap-curve': getSwapCurve.handle,
  'preview-structured-product': previewStructuredProduct.handle,
  'create-structured-product': createStructuredProduct.handle,
  'list-structured-product-templates': listStructuredProductTemplates.handle,
})

import { indicesOperations } from '#protocol/operations/indices.ts'
import { serve } from '../shell/serve.ts'
import * as getIndex from './get-index.ts'
import * as listFixings from './list-fixings.ts'
import * as listIndices from './list-indices.ts'
import * as listMeasurements from './list-measurements.ts'
import * as putIndexQuotes from './put-index-quotes.ts'
import * as putMeasurements from './put-measurements.ts'
import * as setIndex from './set-index.ts'

export const handler = serve('indices', indicesOperations, {
  'list-indices': listIndices.handle,
  'get-index': getIndex.handle,
  'set-index': setIndex.handle,
  'put-index-quotes': putIndexQuotes.handle,
  'list-fixings': listFixings.handle,
  'put-measurements': putMeasurements.handle,
  'list-measurements': listMeasurements.handle,
})

import { platformOperations } from '#protocol/operations/platform.ts'
import { serveThrough } from '../shell/http.ts'
import * as documentation from './documentation.ts'
import * as health from './health.ts'
import * as metrics from './metrics.ts'
import * as openapi from './openapi.ts'
import * as ready from './ready.ts'

export const handler = serveThrough(undefined, 'platform', platformOperations, {
  health: health.handle,
  ready: ready.handle,
  metrics: metrics.handle,
  openapi: openapi.handle,
  documentation: documentation.handle,
})

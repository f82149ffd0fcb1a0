import { capacityOperations } from '#protocol/operations/capacity.ts'
import { serve } from '../shell/serve.ts'
import * as cancelCapacityAllocation from './cancel-capacity-allocation.ts'
import * as getCapacityAllocation from './get-capacity-allocation.ts'
import * as getCapacityForecast from './get-capacity-forecast.ts'
import * as getCapacityPlan from './get-capacity-plan.ts'
import * as listCapacityAllocations from './list-capacity-allocations.ts'
import * as listProcurementPolicies from './list-procurement-policies.ts'
import * as listSubstitutes from './list-substitutes.ts'
import * as optimizeCapacity from './optimize-capacity.ts'
import * as preemptCapacityAllocation from './preempt-capacity-allocation.ts'
import * as previewProcurement from './preview-procurement.ts'
import * as recordCapacityObservations from './record-capacity-observations.ts'
import * as requestCapacity from './request-capacity.ts'
import * as setProcurementPolicy from './set-procurement-policy.ts'

export const handler = serve('capacity', capacityOperations, {
  'request-capacity': requestCapacity.handle,
  'get-capacity-allocation': getCapacityAllocation.handle,
  'list-capacity-allocations': listCapacityAllocations.handle,
  'cancel-capacity-allocation': cancelCapacityAllocation.handle,
  'preempt-capacity-allocation': preemptCapacityAllocation.handle,
  'optimize-capacity': optimizeCapacity.handle,
  'get-capacity-plan': getCapacityPlan.handle,
  'get-capacity-forecast': getCapacityForecast.handle,
  'list-substitutes': listSubstitutes.handle,
  'preview-procurement': previewProcurement.handle,
  'list-procurement-policies': listProcurementPolicies.handle,
  'set-procurement-policy': setProcurementPolicy.handle,
  'record-capacity-observations': recordCapacityObservations.handle,
})

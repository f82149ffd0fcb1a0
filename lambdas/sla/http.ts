import { slaOperations } from '#protocol/operations/sla.ts'
import { serve } from '../shell/serve.ts'
import * as createSlaContract from './create-sla-contract.ts'
import * as getSlaContract from './get-sla-contract.ts'
import * as listBreaches from './list-breaches.ts'
import * as listPenalties from './list-penalties.ts'
import * as listSlaContracts from './list-sla-contracts.ts'
import * as listUptimes from './list-uptimes.ts'
import * as putSlaMeasurements from './put-sla-measurements.ts'

export const handler = serve('sla', slaOperations, {
  'create-sla-contract': createSlaContract.handle,
  'put-sla-measurements': putSlaMeasurements.handle,
  'list-sla-contracts': listSlaContracts.handle,
  'get-sla-contract': getSlaContract.handle,
  'list-uptimes': listUptimes.handle,
  'list-breaches': listBreaches.handle,
  'list-penalties': listPenalties.handle,
})

import { deliveryOperations } from '#protocol/operations/delivery.ts'
import { serve } from '../shell/serve.ts'
import * as answerProvisioning from './answer-provisioning.ts'
import * as getDelivery from './get-delivery.ts'
import * as initiateSettlement from './initiate-settlement.ts'
import * as listDeliveries from './list-deliveries.ts'

export const handler = serve('delivery', deliveryOperations, {
  'initiate-settlement': initiateSettlement.handle,
  'list-deliveries': listDeliveries.handle,
  'get-delivery': getDelivery.handle,
  'answer-provisioning': answerProvisioning.handle,
})

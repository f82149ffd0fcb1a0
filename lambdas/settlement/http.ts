import { settlementOperations } from '#protocol/operations/settlement.ts'
import { serve } from '../shell/serve.ts'
import * as exerciseOption from './exercise-option.ts'
import * as listSettlements from './list-settlements.ts'
import * as startSettlement from './start-settlement.ts'

export const handler = serve('settlement', settlementOperations, {
  'list-settlements': listSettlements.handle,
  'start-settlement': startSettlement.handle,
  'exercise-option': exerciseOption.handle,
})

import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { serve } from '../shell/serve.ts'
import * as activateEngineVersion from './activate-engine-version.ts'
import * as approveTradeBust from './approve-trade-bust.ts'
import * as getCommand from './get-command.ts'
import * as getLane from './get-lane.ts'
import * as killOwnAccount from './kill-own-account.ts'
import * as listKillSwitches from './list-kill-switches.ts'
import * as listTradeBusts from './list-trade-busts.ts'
import * as reopenLane from './reopen-lane.ts'
import * as requestTradeBust from './request-trade-bust.ts'
import * as setKillSwitch from './set-kill-switch.ts'
import * as setMarkPrice from './set-mark-price.ts'
import * as setMarketControls from './set-market-controls.ts'
import * as setMarketState from './set-market-state.ts'

export const handler = serve('supervision', supervisionOperations, {
  'get-command': getCommand.handle,
  'kill-own-account': killOwnAccount.handle,
  'set-kill-switch': setKillSwitch.handle,
  'list-kill-switches': listKillSwitches.handle,
  'set-market-state': setMarketState.handle,
  'set-market-controls': setMarketControls.handle,
  'set-mark-price': setMarkPrice.handle,
  'request-trade-bust': requestTradeBust.handle,
  'approve-trade-bust': approveTradeBust.handle,
  'list-trade-busts': listTradeBusts.handle,
  'get-lane': getLane.handle,
  'activate-engine-version': activateEngineVersion.handle,
  'reopen-lane': reopenLane.handle,
})

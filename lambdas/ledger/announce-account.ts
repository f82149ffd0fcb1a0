import { putEvents } from '#adapters/bus.ts'
import { accept } from '#domain/outcome.ts'
import { instantOf } from '../shell/announce.ts'
import { serveTask } from '../shell/task.ts'
import { openedAccount } from './opened-account.ts'

/** Tells the bus of the account; what the workflow ends with is the account itself. */
export const handler = serveTask(openedAccount, async opened => {
  const { account, account_id, lane, opened_at_millis } = opened
  const refused = await putEvents([
    {
      name: 'AccountOpened.v1',
      detail: { account, account_id, lane, timestamp: instantOf(opened_at_millis) },
    },
  ])
  if (refused.length > 0) throw new Error(`the bus refused AccountOpened.v1 of ${account}`)
  return accept(opened)
})

import { createHash } from 'node:crypto'
import { type CommandRow, findByRequestName } from '#adapters/tables/commands.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'

/** Names the workflow execution: the same attempt is started once. */
export const executionNameOf = (account: string, attempt: number): string =>
  `${createHash('sha256').update(account).digest('hex').slice(0, 40)}-${attempt}`

/** The same for each repeat of an attempt, so that the engine takes it once. */
export const openingCommandId = (account: string, attempt: number): string =>
  nameBasedUuid(`open-account#${account}#${attempt}`)

const requestName = 'open-account'
/** No account's name has a `#` in it: no request of a principal is ever mistaken for this one. */
const principalOf = (commandId: string): string => `open-account#${commandId}`

/** Remembers whose account a command opens: an engine that refuses it names only the command. */
export const openingPromise = (opening: {
  readonly account: string
  readonly lane: number
  readonly commandId: string
}): CommandRow =>
  namedRequest({
    principal: principalOf(opening.commandId),
    requestName,
    commandId: opening.commandId,
    operation: 'open-account',
    bodyHash: bodyHash(opening.account),
    lane: opening.lane,
    requestJson: JSON.stringify(opening.account),
  })

/** Undefined where the command did not come from the workflow. */
export const accountOpenedBy = async (commandId: string): Promise<string | undefined> => {
  const promised = await findByRequestName(principalOf(commandId), requestName)
  if (promised === undefined) return undefined
  const account: unknown = JSON.parse(promised.requestJson)
  if (typeof account !== 'string') throw new Error(`the promise of ${commandId} names no account`)
  return account
}

import { createHash } from 'node:crypto'
import { type CommandRow, findByRequestName } from '#adapters/tables/commands.ts'

/** Names the workflow execution: the same attempt is started once. */
export const executionNameOf = (account: string, attempt: number): string =>
  `${createHash('sha256').update(account).digest('hex').slice(0, 40)}-${attempt}`

/** The same for each repeat of an attempt, so that the engine takes it once. */
export const openingCommandId = (account: string, attempt: number): string =>
  uuidOf(`open-account#${account}#${attempt}`)

const uuidOf = (text: string): string => {
  const hex = createHash('sha256').update(text).digest('hex')
  // Version 8: a name of our own making.
  const digits = `${hex.slice(0, 12)}8${hex.slice(13, 16)}8${hex.slice(17, 32)}`
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

const requestName = 'open-account'
/** No account's name has a `#` in it: no request of a principal is ever mistaken for this one. */
const principalOf = (commandId: string): string => `open-account#${commandId}`
/** As long as any other promise: the engine has answered long before. */
const rememberedSeconds = 7 * 24 * 60 * 60

/** Remembers whose account a command opens: an engine that refuses it names only the command. */
export const openingPromise = (
  opening: { readonly account: string; readonly lane: number; readonly commandId: string },
  nowMillis: number,
): CommandRow => ({
  principal: principalOf(opening.commandId),
  requestName,
  commandId: opening.commandId,
  operation: 'open-account',
  bodyHash: createHash('sha256').update(opening.account).digest('hex'),
  lane: opening.lane,
  requestJson: JSON.stringify(opening.account),
  createdAtMillis: nowMillis,
  expiresAtSeconds: Math.ceil(nowMillis / 1_000) + rememberedSeconds,
})

/** Undefined where the command did not come from the workflow. */
export const accountOpenedBy = async (commandId: string): Promise<string | undefined> => {
  const promised = await findByRequestName(principalOf(commandId), requestName)
  if (promised === undefined) return undefined
  const account: unknown = JSON.parse(promised.requestJson)
  if (typeof account !== 'string') throw new Error(`the promise of ${commandId} names no account`)
  return account
}

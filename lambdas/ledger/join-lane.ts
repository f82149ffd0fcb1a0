import { putCommands } from '#adapters/streams/orders.ts'
import { type AccountRow, getAccount } from '#adapters/tables/accounts.ts'
import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import { startWorkflow } from '#adapters/workflows.ts'
import type { JoinLane } from '#domain/trading/commands.ts'
import { versionOfLaneBudgets } from '#domain/trading/engine-version.ts'
import { maxGrantedMicros } from '#domain/trading/lane-credit.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import { accountInLane } from '#protocol/account-lanes.ts'
import type { AccountLane, joinLane } from '#protocol/operations/ledger.ts'
import { accountName } from '#protocol/values.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes, tradesInSeveralLanes } from '../shell/lanes.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { lanesOfAccount, nothingGranted } from './account-lanes.ts'
import { executionNameOf } from './account-opening.ts'
import { firmOf } from './account-view.ts'
import { namedAccount, type OpenAccount, openAccountOf } from './named-account.ts'
import { attemptAfter, endedAttempt } from './opening-attempt.ts'

/** Opens the account in the other lane where it is not yet, then tells both lanes: each part may be asked for again. */
export const handle: Handle<typeof joinLane> = async ({ body, principal, headers }) => {
  if (!tradesInSeveralLanes())
    return { code: 'forbidden', detail: 'An account of this exchange trades in one lane only.' }
  const home = await namedAccount(principal, principal.account)
  if (home === undefined) return { code: 'account-not-open' }
  if (home.firm !== home.account)
    return { code: 'forbidden', detail: 'Only the main account of a firm joins other lanes.' }
  const lanes: readonly number[] = tenantLanes()
  const wrong = (field: string, detail: string) => ({
    code: 'invalid-request' as const,
    errors: [{ pointer: `#/${field}`, detail }],
  })
  if (!lanes.includes(body.lane)) return wrong('lane', `must be one of ${lanes.join(', ')}`)
  if (body.lane === home.lane) return { code: 'lane-already-joined' }
  const reserveMicros = micros(body.reserve ?? '0')
  if (reserveMicros === undefined) return wrong('reserve', 'must be an amount of USD of at most six places')
  if (reserveMicros > maxGrantedMicros)
    return wrong('reserve', `must be at most ${decimalOfMicros(maxGrantedMicros)} USD`)
  for (const lane of [home.lane, body.lane]) {
    const missing = await engineVersionMissing(lane, versionOfLaneBudgets)
    if (missing !== undefined) return missing
  }
  const account = accountInLane(home.account, body.lane)
  if (!accountName.safeParse(account).success)
    return { code: 'forbidden', detail: 'The name of the account is too long for another lane.' }
  const row = await getAccount(account)
  if (row !== undefined && (row.lane !== body.lane || firmOf(row) !== home.account))
    return { code: 'account-exists', detail: `The name ${account} is taken by an account that is not of that lane.` }

  const wait = preferWait(headers)
  const applied = wait?.headers ?? {}
  const location = { location: '/api/v1/account' }
  const onItsWay = (lane_state: AccountLane['lane_state']) => ({
    status: 202 as const,
    body: { lane: body.lane, account, lane_role: 'satellite' as const, lane_state, ...nothingGranted },
    headers: { ...location, ...applied },
  })
  const opened = await openedIn(account, body.lane, home.firm, row, wait?.untilMillis)
  if (opened === undefined) return onItsWay('opening')
  if ('failure' in opened) {
    if (opened.failure === 'account-limit')
      return { code: 'account-limit', detail: `Lane ${body.lane} cannot take another account.`, headers: applied }
    const detail = `Opening the account failed: ${opened.failure}.`
    return { code: 'dependency-unavailable', detail, headers: applied }
  }

  const joins = joinsOf(home, opened, reserveMicros)
  const known = await outcomesOf(joins)
  for (const [index, { lane, command }] of joins.entries())
    if (known[index] === undefined) await putCommands(lane, [command])
  const outcomes =
    wait === undefined
      ? known
      : ((await pollUntil(async () => {
          const found = await outcomesOf(joins)
          return found.includes(undefined) ? undefined : found
        }, wait.untilMillis)) ?? known)
  if (outcomes.includes(undefined)) return onItsWay('joining')
  for (const outcome of outcomes) {
    const code = outcome?.accepted === false ? outcome.code : undefined
    if (code !== undefined && code !== 'lane-already-joined') return { code, headers: applied }
  }
  // The same would have been the same command. At home it may be from a request that came no further.
  if (outcomes.at(-1)?.accepted === false)
    return {
      code: 'lane-already-joined',
      detail: `Lane ${body.lane} was joined with another reserve, which stays as it is.`,
      headers: applied,
    }
  const main = await getAccount(home.account)
  const joined = main && (await lanesOfAccount(main)).find(({ lane }) => lane === body.lane)
  return joined === undefined
    ? onItsWay('joining')
    : { status: 200, body: joined, headers: { ...location, ...applied } }
}

/** Undefined while it is being opened. */
const openedIn = async (
  account: string,
  lane: number,
  firm: string,
  row: AccountRow | undefined,
  untilMillis: number | undefined,
): Promise<OpenAccount | { readonly failure: string } | undefined> => {
  const open = row && openAccountOf(row)
  if (open !== undefined) return open
  const attempt = attemptAfter(row, Date.now())
  // Started already by another request: it is the same attempt.
  await startWorkflow('open-account', executionNameOf(account, attempt), { account, lane, attempt, firm })
  const ended =
    untilMillis === undefined ? undefined : await pollUntil(() => endedAttempt(account, attempt), untilMillis)
  if (ended === undefined) return undefined
  return openAccountOf(ended) ?? { failure: ended.failure ?? 'account-not-opened' }
}

interface Join {
  readonly lane: number
  readonly command: JoinLane
}

/** Home first: until it knows the lane, what the lane asks for is refused, and asked for again. */
const joinsOf = (home: OpenAccount, satellite: OpenAccount, reserveMicros: number): readonly Join[] =>
  [
    { role: 'home' as const, own: home, other: satellite },
    { role: 'satellite' as const, own: satellite, other: home },
  ].map(({ role, own, other }) => ({
    lane: own.lane,
    command: {
      type: 'join-lane',
      commandId: nameBasedUuid(['join-lane', own.accountId, other.accountId, reserveMicros].join('#')),
      accountId: own.accountId,
      role,
      otherLane: other.lane,
      otherAccountId: other.accountId,
      reserveMicros: role === 'satellite' ? reserveMicros : 0,
    },
  }))

const outcomesOf = (joins: readonly Join[]): Promise<(OutcomeRow | undefined)[]> =>
  Promise.all(joins.map(({ command }) => getOutcome(command.commandId)))

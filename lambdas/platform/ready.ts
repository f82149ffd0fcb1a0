import { Logger } from '@aws-lambda-powertools/logger'
import { probeTable, streamStatus } from '#adapters/probes.ts'
import { getFigures, getLease, listReplicas } from '#adapters/tables/lanes.ts'
import { getWatermark } from '#adapters/tables/watermarks.ts'
import { projectors } from '#protocol/functions.ts'
import type { ready } from '#protocol/operations/platform.ts'
import { executionStreamEnvironmentVariable, orderStreamEnvironmentVariable } from '#protocol/streams.ts'
import { tables } from '#protocol/tables.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'

const logger = new Logger()

/** What an order needs on its way from the request to its row. */
const tablesOfOrders = [
  tables.accounts,
  tables.instruments,
  tables.commands,
  tables.orders,
  tables.outcomes,
  tables.lanes,
]

const mostCheckMillis = 2_000
/** A leader writes its lease several times a second, a replica of itself every five. */
const mostSilenceMillis = 15_000
const mostStandstillMillis = 30_000

/** Resolves where all is well; says in a few words, for anybody to read, what is not. */
type Check = (signal: AbortSignal) => Promise<string | undefined>

export const handle: Handle<typeof ready> = async () => {
  const checks = checksOf(tenantLanes())
  const [lanes, found] = await Promise.all([
    Promise.all(tenantLanes().map(laneView)),
    Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await bounded(name, check)] as const)),
  ])
  const dependencies = Object.fromEntries(
    found.map(([name, detail]) => [name, detail === undefined ? { up: true } : { up: false, detail }]),
  )
  const down = found.filter(([, detail]) => detail !== undefined).map(([name]) => name)
  if (down.length === 0)
    return { status: 200, body: { ready: true, dependencies, lanes: lanes.flatMap(each => each ?? []) } }
  return {
    code: 'dependency-unavailable',
    detail: `Down: ${down.join(', ')}.`,
    members: { ready: false, dependencies, lanes: lanes.flatMap(each => each ?? []) },
  }
}

const checksOf = (lanes: readonly number[]): Readonly<Record<string, Check>> =>
  Object.fromEntries<Check>([
    ...tablesOfOrders.map((table): [string, Check] => [
      `table-${table.name}`,
      async signal => {
        await probeTable(table, signal)
        return undefined
      },
    ]),
    ...lanes.flatMap((lane): [string, Check][] => [
      [`order-stream-${lane}`, streamActive(orderStreamEnvironmentVariable(lane))],
      [`execution-stream-${lane}`, streamActive(executionStreamEnvironmentVariable(lane))],
      [`matcher-${lane}`, () => matcherSpeaks(lane)],
      ...projectors.map((name): [string, Check] => [`${name}-${lane}`, () => projectorMoves(name, lane)]),
    ]),
  ])

/** What is wrong, or undefined. Whatever the reason, whoever asks learns no more than that there is no answer. */
const bounded = async (name: string, check: Check): Promise<string | undefined> => {
  const timeout = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>(resolve => {
    timer = setTimeout(() => {
      timeout.abort()
      resolve(`no answer within ${mostCheckMillis / 1_000} s`)
    }, mostCheckMillis)
  })
  const answered = check(timeout.signal).catch((error: unknown) => {
    logger.warn('a dependency does not answer', { dependency: name, error })
    return 'does not answer'
  })
  try {
    return await Promise.race([answered, late])
  } finally {
    clearTimeout(timer)
  }
}

const streamActive =
  (environmentVariable: string): Check =>
  async signal => {
    const status = await streamStatus(environmentVariable, signal)
    // A stream that is being changed still takes records.
    return status === 'ACTIVE' || status === 'UPDATING' ? undefined : `is ${status.toLowerCase()}`
  }

const matcherSpeaks = async (lane: number): Promise<string | undefined> => {
  const { epoch, halted, health } = await getLease(lane)
  if (halted !== undefined) return `is halted: ${halted}`
  if (epoch === 0) return 'has not spoken yet'
  const silentMillis = Date.now() - health.atMillis
  return silentMillis > mostSilenceMillis ? `last spoke ${Math.round(silentMillis / 1_000)} s ago` : undefined
}

/** Who leads and who stands by; nothing where the table does not answer, which is told among the dependencies. */
const laneView = async (lane: number) => {
  try {
    const [{ epoch, owner, halted }, replicas] = await Promise.all([
      getLease(lane),
      listReplicas(lane, Date.now() - mostSilenceMillis),
    ])
    return {
      lane,
      epoch,
      leader: owner,
      ...(halted === undefined ? {} : { halted }),
      replicas: replicas.map(({ owner: name, role, outSeq, behindMillis }) => ({
        owner: name,
        role,
        out_seq: outSeq,
        behind_ms: behindMillis,
      })),
    }
  } catch (error) {
    logger.warn('a lane cannot be read', { lane, error })
    return undefined
  }
}

/** Where each projector was when it last moved, or was last seen with nothing to do; as this process saw it. */
const seen = new Map<string, { readonly outSeq: number; readonly atMillis: number }>()

const projectorMoves = async (name: string, lane: number): Promise<string | undefined> => {
  const [watermark, figures] = await Promise.all([getWatermark(name, lane), getFigures(lane)])
  const behind = (figures?.out_seq ?? 0) - watermark.outSeq
  const key = `${name}-${lane}`
  const before = seen.get(key)
  if (before === undefined || behind <= 0 || watermark.outSeq !== before.outSeq) {
    seen.set(key, { outSeq: watermark.outSeq, atMillis: performance.now() })
    return undefined
  }
  const standstillMillis = performance.now() - before.atMillis
  return standstillMillis > mostStandstillMillis
    ? `${behind} events behind, and not moving for ${Math.round(standstillMillis / 1_000)} s`
    : undefined
}

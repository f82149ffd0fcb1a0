import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { putCommands } from '#adapters/streams/orders.ts'
import { getActivatedVersion } from '#adapters/tables/lane-events.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import {
  type EpochMaking,
  expireRiskEpoch,
  getEpochMaking,
  getRiskEpoch,
  getRiskEpochHead,
  keepRiskEpoch,
  putEpochMaking,
  putRiskEpoch,
} from '#adapters/tables/risk-epochs.ts'
import { getRiskLane, isEpochDue, type RiskLaneRow } from '#adapters/tables/risk-lanes.ts'
import { epochChanges, epochScenarioSet, isSameSet, type MadeEpoch, makeEpoch } from '#domain/margin/made-epoch.ts'
import type { Checked } from '#domain/margin/refused.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import { firstEngineVersion, versionOfMargin } from '#domain/trading/engine-version.ts'
import { tenantLanes } from '../shell/lanes.ts'
import type { logger as shellLogger, metrics as shellMetrics } from '../shell/task.ts'
import { pollUntil } from '../shell/wait.ts'
import { epochCommandId, epochCommands } from './risk-epoch-commands.ts'
import { type GatheredRisk, gatherRisk } from './risk-facts.ts'

type Shell = { readonly logger: typeof shellLogger; readonly metrics: typeof shellMetrics }

/** Whoever calls ends by itself before its function is ended. */
const busyMillis = 60_000
/** How long an epoch that was sent is waited for, by this call and by all that follow. */
const adoptionMillis = 12_000
const pendingMillis = 180_000
const mostAttempts = 3
/** Statements of account name the epoch that they were computed by. */
const expiringMillis = 35 * 86_400_000

/**
 * Makes an epoch of risk where the one in force no longer says what there is to say: reads all that it follows from, values
 * every instrument in every scenario, stores the epoch whole, and sends it down the order stream of every lane whose rules
 * know margin. One that a lane refuses, since a contract was listed or adjusted meanwhile, is made anew.
 */
export const renewRiskEpoch = async (shell: Shell): Promise<void> => {
  const { logger, metrics } = shell
  const lanes = await marginLanes()
  metrics.addMetric('RiskEpochPasses', MetricUnit.Count, 1)
  if (lanes.length === 0) return
  const claim = await Claim.take()
  if (claim === undefined) {
    logger.info('an epoch of risk is being made by somebody else')
    return
  }
  try {
    for (let attempt = 1; attempt <= mostAttempts; attempt++) {
      const answer = await onePass(lanes, claim, shell)
      if (answer !== 'refused') break
    }
  } finally {
    await claim.release()
  }
}

const marginLanes = async (): Promise<readonly number[]> => {
  const versions = await Promise.all(
    tenantLanes().map(async lane => ({ lane, version: (await getActivatedVersion(lane))?.version })),
  )
  return versions.flatMap(({ lane, version = firstEngineVersion }) => (version >= versionOfMargin ? [lane] : []))
}

/** The row that says who makes epochs: only whoever has taken it changes it. */
class Claim {
  state: EpochMaking

  private constructor(state: EpochMaking) {
    this.state = state
  }

  static async take(): Promise<Claim | undefined> {
    const before = await getEpochMaking()
    const nowMillis = Date.now()
    if (before !== undefined && before.busyUntilMillis > nowMillis) return undefined
    const own: EpochMaking = {
      ...(before ?? { newestVersion: 0, newestSetVersion: 0, kept: [] }),
      revision: (before?.revision ?? 0) + 1,
      busyUntilMillis: nowMillis + busyMillis,
    }
    return (await putEpochMaking(own, before)) ? new Claim(own) : undefined
  }

  async note(change: Partial<EpochMaking>): Promise<void> {
    if (!(await this.put(change))) throw new Error('somebody else makes epochs of risk: this call has taken too long')
  }

  /** Where it was taken by somebody else meanwhile, it is theirs. */
  async release(): Promise<void> {
    await this.put({ busyUntilMillis: 0 })
  }

  private async put(change: Partial<EpochMaking>): Promise<boolean> {
    const changed = { ...this.state, ...change, revision: this.state.revision + 1 }
    const isOurs = await putEpochMaking(changed, this.state)
    if (isOurs) this.state = changed
    return isOurs
  }
}

/** `refused`: what was made has to be made again. */
const onePass = async (lanes: readonly number[], claim: Claim, shell: Shell): Promise<'done' | 'refused'> => {
  const { logger, metrics } = shell
  const nowMillis = Date.now()
  const states = await Promise.all(lanes.map(getRiskLane))
  const adopted = states.map(({ adoptedVersion = 0 }) => adoptedVersion)
  if (await isPending(states, claim.state, nowMillis)) {
    logger.info('an epoch of risk is on its way', { version: claim.state.newestVersion, adopted })
    return 'done'
  }
  await tidy(adopted, claim, nowMillis)
  const gathered = await gatherRisk(lanes, nowMillis)
  const newest = Math.max(...adopted)
  const standing = newest === 0 ? undefined : await getStanding(newest)
  const reasons = reasonsFor(states, standing, gathered, nowMillis)
  const overdue =
    standing === undefined ? 0 : Math.max(nowMillis - standing.madeAtMillis - gathered.terms.max_age_ms, 0)
  metrics.addMetric('RiskEpochOverdueMillis', MetricUnit.Milliseconds, overdue)
  if (reasons.length === 0 || gathered.inputs.underlyings.length === 0) return 'done'

  const startedMillis = performance.now()
  const version = Math.max(claim.state.newestVersion, newest) + 1
  const set = insisted(
    epochScenarioSet(gathered.inputs, Math.max(claim.state.newestSetVersion, standing?.scenarioSet.version ?? 0) + 1),
  )
  const isKnown = standing !== undefined && isSameSet(set, standing.scenarioSet)
  const scenarioSet = isKnown ? standing.scenarioSet : set
  const made = insisted(makeEpoch(gathered.inputs, scenarioSet, { version, madeAtMillis: nowMillis, reasons }))
  const bounded = made.instruments.filter(({ boundedBecause }) => boundedBecause !== undefined).length
  metrics.addMetric('RiskEpochMillis', MetricUnit.Milliseconds, performance.now() - startedMillis)
  metrics.addMetric('RiskInstrumentsBounded', MetricUnit.Count, bounded)
  await claim.note({ newestVersion: version, newestSetVersion: scenarioSet.version })
  await putRiskEpoch(made)
  await claim.note({ sentAtMillis: nowMillis })
  await Promise.all(
    lanes.map(async lane => {
      for (const command of epochCommands(made, lane)) await putCommands(lane, [command])
    }),
  )
  const untilMillis = performance.now() + adoptionMillis
  const answers = await Promise.all(lanes.map(lane => answerOf(lane, version, untilMillis)))
  const told = {
    version,
    reasons,
    scenarios: scenarioSet.scenarios.length,
    instruments: made.instruments.length,
    bounded,
    answers,
  }
  if (answers.every(answer => answer === 'adopted')) {
    metrics.addMetric('RiskEpochsAdopted', MetricUnit.Count, 1)
    logger.info('an epoch of risk was adopted', told)
    await tidy(
      lanes.map(() => version),
      claim,
      nowMillis,
    )
    return 'done'
  }
  metrics.addMetric('RiskEpochsRefused', MetricUnit.Count, 1)
  logger.warn('an epoch of risk was not adopted by every lane', told)
  return answers.some(answer => answer !== 'adopted' && answer !== undefined) ? 'refused' : 'done'
}

/** It never changes, and may be large. */
const standings = new Map<number, MadeEpoch>()

/** For tests, whose tables come and go. */
export const forgetRiskEpochs = (): void => standings.clear()

const getStanding = async (version: number): Promise<MadeEpoch | undefined> => {
  const standing = standings.get(version) ?? (await getRiskEpoch(version))
  standings.clear()
  if (standing !== undefined) standings.set(version, standing)
  return standing
}

/** None: it is as it should be. */
const reasonsFor = (
  states: readonly RiskLaneRow[],
  standing: MadeEpoch | undefined,
  { inputs, terms }: GatheredRisk,
  nowMillis: number,
): readonly string[] => {
  const due = states.filter(isEpochDue).map(({ lane, dueInstrumentId }) => `due ${lane}#${dueInstrumentId}`)
  if (standing === undefined) return ['first']
  const behind = states.filter(({ adoptedVersion }) => adoptedVersion !== standing.version)
  return [
    ...due.slice(0, 1),
    ...behind.slice(0, 1).map(({ lane }) => `lane-without ${lane}`),
    ...epochChanges(standing, inputs, nowMillis, { movePpm: terms.move_ppm, maxAgeMillis: terms.max_age_ms }),
  ]
}

/** What was sent last has neither been adopted nor refused everywhere, and not long ago. */
const isPending = async (
  states: readonly RiskLaneRow[],
  { newestVersion, sentAtMillis }: EpochMaking,
  nowMillis: number,
): Promise<boolean> => {
  if (sentAtMillis === undefined || Math.abs(nowMillis - sentAtMillis) > pendingMillis) return false
  const waiting = states.filter(({ adoptedVersion = 0 }) => adoptedVersion < newestVersion)
  const outcomes = await Promise.all(
    waiting.map(({ lane }) => getOutcome(epochCommandId(lane, newestVersion, 'commit'))),
  )
  return outcomes.some(outcome => outcome === undefined)
}

type EpochAnswer = 'adopted' | RejectionCode | undefined

/** Of what was projected; undefined where nothing was for so long. */
const answerOf = (lane: number, version: number, untilMillis: number): Promise<EpochAnswer> =>
  pollUntil(async (): Promise<EpochAnswer> => {
    const { adoptedVersion = 0 } = await getRiskLane(lane)
    if (adoptedVersion >= version) return 'adopted'
    return (await getOutcome(epochCommandId(lane, version, 'commit')))?.code
  }, untilMillis)

/** Keeps what lanes decide by, and lets go of what they have decided by. */
const tidy = async (adopted: readonly number[], claim: Claim, nowMillis: number): Promise<void> => {
  const current = [...new Set(adopted)].filter(version => version > 0)
  const { kept } = claim.state
  if (kept.length === current.length && current.every(version => kept.some(each => each.version === version))) return
  const now: { version: number; parts: number }[] = []
  for (const version of current) {
    const known = kept.find(each => each.version === version)
    const parts = known?.parts ?? (await getRiskEpochHead(version))?.parts
    // One that is not there any more cannot be kept: another one is made.
    if (parts === undefined) continue
    if (known === undefined) await keepRiskEpoch({ version, parts })
    now.push({ version, parts })
  }
  for (const each of kept) if (!current.includes(each.version)) await expireRiskEpoch(each, nowMillis + expiringMillis)
  await claim.note({ kept: now })
}

const insisted = <Value>(checked: Checked<Value>): Value => {
  if (checked.accepted) return checked.value
  throw new Error(`no epoch of risk can be made: ${checked.code} ${checked.field}`)
}

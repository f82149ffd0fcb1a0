import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { readAssembly } from '#local/assembly.ts'
import type { AwsCall } from '#local/aws-calls.ts'
import type { Resource } from '#local/component.ts'
import { resolveResources } from '#local/intrinsics.ts'
import { pascalCase, schedules, streamConsumers, tasks } from '#protocol/functions.ts'
import { contexts } from '#protocol/operation.ts'
import { afterTheJourneys } from '../journeys/running-exchange.ts'
import { needsOfCalls, needsOfTemplate, withUsesOfKeys } from '../support/aws-needs.ts'
import {
  type Deployment,
  denied,
  type Grant,
  grantsOf,
  matches,
  type Need,
  readDeployment,
  unneeded,
} from '../support/iam-policies.ts'
import { ask } from '../support/services/ask.ts'
import { type UnusedGrant, unusedGrants, unusedGrantsOfOtherTenants } from './unused-grants.ts'

/**
 * Whether the roles that would be deployed allow what functions and tasks did in the journeys, and no more: when all
 * journeys of this run have ended.
 */

let ran: Deployment
let asked: readonly Need[]
/** What is allowed and unused can be told only when all journeys have run to their ends. */
let isWhole: boolean

beforeAll(async () => {
  const { calls, haveAllPassed } = await afterTheJourneys(import.meta.filename)
  isWhole = haveAllPassed
  const recorded = (file: string) => readFileSync(join(calls, file), 'utf8')
  const resources: readonly Resource[] = JSON.parse(recorded('resources.json'))
  ran = readDeployment(resources)
  const lines = recorded('calls.jsonl').split('\n')
  asked = needsOfCalls(
    ran,
    lines.filter(line => line !== '').map((line): AwsCall => JSON.parse(line)),
  )
}, 300_000)

const told = ({ caller, action, resource }: Omit<Grant, 'conditions'>) => `${caller} ${action} ${resource}`
const isFor = (line: UnusedGrant, { caller, action, resource }: Grant) =>
  matches(line.caller, caller) &&
  matches(line.action, action) &&
  (line.resource === '*' || matches(line.resource, resource))
const withoutReason = (grants: readonly Grant[], lines: readonly UnusedGrant[]) =>
  grants.filter(grant => !lines.some(line => isFor(line, grant))).map(told)

const contextOf = new Map<string, string>([
  ...contexts.map(context => [`${pascalCase(context)}HttpFunction`, context] as const),
  ...[...streamConsumers, ...tasks, ...schedules].map(
    ({ name, context }) => [`${pascalCase(name)}Function`, context] as const,
  ),
])
const functionsOf = Map.groupBy(contextOf.keys(), caller => contextOf.get(caller))

/**
 * Which of two functions of a context is first to do a thing, the sweep of the minute or whoever asks for it, differs from
 * run to run: what one of them has used, the others may keep. That each holds only what its own code can call, a test of
 * the templates sees to.
 */
const ofEachInContext = (needs: readonly Need[]): readonly Need[] => {
  const known = new Map<string, Need>()
  for (const need of needs)
    for (const caller of functionsOf.get(contextOf.get(need.caller)) ?? [need.caller])
      known.set(JSON.stringify({ ...need, caller }), { ...need, caller })
  return [...known.values()]
}

describe('the roles of the tenant that ran', () => {
  const needed = () => withUsesOfKeys(ran, [...asked, ...needsOfTemplate(ran)])

  test('allow every call of every function and task', () => {
    expect(asked.length).toBeGreaterThan(0)
    expect(denied(ran, needed())).toEqual([])
  })

  test('allow nothing that no journey does, but for what has a reason', () => {
    if (!isWhole) return console.warn('not held against what is unused: not all journeys have run to their ends')
    expect(withoutReason(unneeded(grantsOf(ran), ofEachInContext(needed())), unusedGrants)).toEqual([])
  })

  test('a planted grant is found, a planted call is denied', () => {
    const planted = { caller: 'TradingHttpFunction', action: 'dynamodb:DeleteItem', resource: 'OrdersTable' }
    const needs = needed()
    const unused = unneeded([{ ...planted, conditions: {} }], ofEachInContext(needs))
    expect(withoutReason(unused, unusedGrants)).toEqual([told(planted)])
    expect(denied(ran, [...needs, planted])).toEqual(['TradingHttpFunction may not dynamodb:DeleteItem on OrdersTable'])
  })

  test('no reason is left of a grant that is gone', () => {
    const grants = grantsOf(ran)
    expect(unusedGrants.filter(line => !grants.some(grant => isFor(line, grant)))).toEqual([])
  })

  test('a grant that is taken away is missed by whoever needs it', () => {
    const needs = needed()
    const used = new Set(unneeded(grantsOf(ran), needs).map(told))
    const wrong = grantsOf(ran).filter(grant => {
      const isMissed = denied(without(ran, grant), needs).length > 0
      return isMissed === used.has(told(grant))
    })
    expect(wrong).toEqual([])
  })
})

/** As if the role had never been given it. */
const without = (deployment: Deployment, gone: Grant): Deployment => ({
  ...deployment,
  callers: new Map(
    [...deployment.callers].map(([accessKey, caller]) => {
      if (caller.name !== gone.caller) return [accessKey, caller]
      const kept = grantsOf({ ...deployment, callers: new Map([[accessKey, caller]]) })
        .filter(grant => told(grant) !== told(gone))
        .map(({ action, resource, conditions }) => ({
          allows: true,
          actions: [action],
          resources: [resource],
          conditions,
        }))
      return [accessKey, { ...caller, statements: kept }]
    }),
  ),
})

describe('the roles of the other tenant', () => {
  let other: Deployment
  beforeAll(async () => {
    const { folder } = z.object({ folder: z.string() }).parse(await ask('templates'))
    const stacks = await readAssembly(join(folder, 'swift', 'cdk.out'))
    other = readDeployment(
      resolveResources(stacks, { parameters: {}, queueEndpoint: 'http://127.0.0.1', policies: true }),
    )
  })

  /** What the journeys did, in each of its lanes, and read by fan-out. */
  const needed = () => {
    const ofTemplate = needsOfTemplate(other)
    const subscribers = new Set(
      ofTemplate.filter(({ action }) => action === 'kinesis:SubscribeToShard').map(({ caller }) => caller),
    )
    const lanes = [...other.callers.values()].flatMap(({ name }) => /^Lane(\d+)Task$/.exec(name)?.[1] ?? [])
    const polls = ({ caller, action }: Need) =>
      /^Lane\d+Task$/.test(caller) && subscribers.has(caller) && /^kinesis:Get(Records|ShardIterator)$/.test(action)
    const inLanes = lanes.flatMap(lane => asked.map(need => inLane(lane, need))).filter(need => !polls(need))
    return withUsesOfKeys(other, [...inLanes, ...ofTemplate])
  }

  test('allow in each lane what the journeys did, and to read by fan-out', () => {
    const needs = needed()
    expect(needs.filter(({ action }) => action === 'kinesis:SubscribeToShard').length).toBeGreaterThan(2)
    expect(denied(other, needs)).toEqual([])
  })

  test('allow nothing else, but for what has a reason', () => {
    if (!isWhole) return console.warn('not held against what is unused: not all journeys have run to their ends')
    const lines = [...unusedGrants, ...unusedGrantsOfOtherTenants]
    expect(withoutReason(unneeded(grantsOf(other), ofEachInContext(needed())), lines)).toEqual([])
  })
})

/** The journeys run in lane 1. */
const inLane = (lane: string, { caller, action, resource, context }: Need): Need => ({
  caller: caller.replace(/^Lane1/, `Lane${lane}`),
  action,
  resource: resource.replace(/^Lane1/, `Lane${lane}`).replace(/^Snapshots\/1\//, `Snapshots/${lane}/`),
  ...(context && {
    context: Object.fromEntries(Object.entries(context).map(([key, each]) => [key, each.replace(/^1\//, `${lane}/`)])),
  }),
})

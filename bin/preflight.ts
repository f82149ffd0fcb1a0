/**
 * `npm run preflight -- -c tenant=<name>`: whether the account that the credentials are for can take the tenant. Exit 0:
 * it can; 1: something lacks, and what to ask for is printed; 2: nothing could be asked.
 */
import { parseArgs } from 'node:util'
import * as z from 'zod'
import { parseTenant, type Tenant } from '#lib/tenant.ts'
import { contextOfCdkJson } from './exchange.ts'
import { findingOf, inspectAccount } from './preflight/account.ts'
import { assemblyOf } from './preflight/assembly.ts'
import { countsOf } from './preflight/counts.ts'
import { CannotAsk, messageOf } from './preflight/failures.ts'
import { isInOrder, renderFindings } from './preflight/findings.ts'
import { needsOf } from './preflight/needs.ts'

const usage = 'usage: npm run preflight -- [-c tenant=<name>] [--offline]'
/** Of everything that is asked: whoever hands out credentials may be slow, or silent. */
const longestMillis = 90_000

const preflight = async ({ tenantName, isOffline }: Arguments): Promise<number> => {
  const context = await contextOfCdkJson()
  const tenant = parseTenant(context['tenants'], tenantName ?? z.string().parse(context['defaultTenant']))
  const assembly = await assemblyOf(tenant.name)
  const needs = needsOf(tenant, countsOf(assembly))
  console.log(`tenant ${tenant.name}, account ${tenant.account ?? 'of whoever deploys'}, region ${tenant.region}\n`)
  const findings = isOffline
    ? needs.map(findingOf)
    : await inTime(inspectAccount(tenant, needs, assembly.bootstrapVersion))
  console.log(`${renderFindings(findings)}\n\n${byHand(tenant).join('\n')}`)
  if (isOffline) return 0
  console.log(
    isInOrder(findings)
      ? '\nnothing lacks'
      : `\n${findings.filter(({ verdict }) => verdict === 'lacks' || verdict === 'unknown').length} to see to`,
  )
  return isInOrder(findings) ? 0 : 1
}

/** What no quota tells, with how to see it. */
const byHand = ({ region, domain }: Tenant): readonly string[] => [
  'Quotas are compared as wholes: in an account that others use too, subtract what they take. Not looked at:',
  '  docker info  # the matcher\u2019s image is built here, for linux/arm64',
  '  aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com  # once in a new account; refused where it is there',
  ...(domain !== undefined && 'hostedZoneId' in domain
    ? [`  aws route53 get-hosted-zone --id ${domain.hostedZoneId}  # the zone of ${domain.name}`]
    : []),
  ...(domain !== undefined && 'certificateArn' in domain
    ? [`  aws acm describe-certificate --certificate-arn ${domain.certificateArn} --region ${region}`]
    : []),
]

const inTime = async <Result>(work: Promise<Result>): Promise<Result> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new CannotAsk(`AWS gave no answer within ${longestMillis / 1000} s; --offline prints the needs`)),
    longestMillis,
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

interface Arguments {
  readonly tenantName: string | undefined
  readonly isOffline: boolean
}

const readArguments = (): Arguments => {
  const { values } = parseArgs({
    options: { context: { type: 'string', short: 'c', multiple: true }, offline: { type: 'boolean', default: false } },
  })
  const named = new Map((values.context ?? []).map(each => [each.split('=')[0], each.slice(each.indexOf('=') + 1)]))
  for (const [name, value] of named) if (name !== 'tenant' || value === '') throw new Error(usage)
  return { tenantName: named.get('tenant'), isOffline: values.offline }
}

try {
  // What still waits for an answer is not waited for.
  process.exit(await preflight(readArguments()))
} catch (error) {
  const isOneLine = error instanceof CannotAsk || !(error instanceof Error)
  console.error(`preflight: ${isOneLine ? messageOf(error) : error.message}`)
  process.exit(error instanceof CannotAsk ? 2 : 1)
}

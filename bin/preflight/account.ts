import { APIGatewayClient, GetAccountCommand } from '@aws-sdk/client-api-gateway'
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Tenant } from '#lib/tenant.ts'
import { CannotAsk, cannotAsk, failureOf, httpStatus, messageOf } from './failures.ts'
import type { Finding } from './findings.ts'
import type { Need, Quota } from './needs.ts'

const connectMillis = 3_000
const answerMillis = 8_000
/** Service Quotas answers few questions a second. */
const questionsAtOnce = 4

/** Asks once more at most, and never waits for ever. */
const clientSettings = (region: string) => ({
  region,
  maxAttempts: 2,
  requestHandler: new NodeHttpHandler({
    connectionTimeout: connectMillis,
    requestTimeout: answerMillis,
    throwOnRequestTimeout: true,
  }),
})

/** Compares the account that the credentials are for with what the tenant needs. Throws CannotAsk where nothing can be said. */
export const inspectAccount = async (
  tenant: Tenant,
  needs: readonly Need[],
  bootstrapVersion: number,
): Promise<readonly Finding[]> => {
  const { account, findings } = await inspectIdentity(tenant)
  // Of another account, or of a region that is off, no answer would mean anything.
  if (findings.some(({ verdict }) => verdict === 'lacks')) return findings
  const [bootstrap, logRole] = await Promise.all([
    inspectBootstrap(account, tenant.region, bootstrapVersion),
    inspectLogRole(tenant.region),
  ])
  return [...findings, bootstrap, logRole, ...(await inspectNeeds(tenant.region, needs))]
}

const inspectIdentity = async ({
  account: wanted,
  region,
}: Tenant): Promise<{ readonly account: string; readonly findings: readonly Finding[] }> => {
  const { account, isRegionOff } = await identify(region)
  const regionFinding = { name: 'Region', need: region }
  return {
    account,
    findings: [
      {
        name: 'Account',
        need: wanted ?? 'any',
        has: account,
        ...(wanted === undefined || wanted === account
          ? { verdict: 'fine' }
          : { verdict: 'lacks', remedy: `sign in to the account ${wanted}: these credentials are for ${account}` }),
      },
      isRegionOff
        ? {
            ...regionFinding,
            has: 'not enabled',
            verdict: 'lacks',
            remedy: `aws account enable-region --region-name ${region}`,
          }
        : { ...regionFinding, has: 'enabled', verdict: 'fine' },
    ],
  }
}

/** A region that is not enabled refuses credentials that are good elsewhere. */
const identify = async (region: string): Promise<{ account: string; isRegionOff: boolean }> => {
  try {
    return { account: await accountAt(region), isRegionOff: false }
  } catch (error) {
    const isRegionOff = failureOf(error) === 'refused credentials' && region !== alwaysOn
    if (!isRegionOff) throw cannotAsk(error) ?? error
  }
  try {
    return { account: await accountAt(alwaysOn), isRegionOff: true }
  } catch (error) {
    throw cannotAsk(error) ?? error
  }
}

const alwaysOn = 'us-east-1'

const accountAt = async (region: string): Promise<string> => {
  const { Account } = await new STSClient(clientSettings(region)).send(new GetCallerIdentityCommand({}))
  if (Account === undefined) throw new Error('STS names no account')
  return Account
}

const inspectBootstrap = async (account: string, region: string, version: number): Promise<Finding> => {
  const finding = { name: 'CDK bootstrap', need: `version ${version}` }
  const byHand = `aws ssm get-parameter --name /cdk-bootstrap/hnb659fds/version --query Parameter.Value --region ${region}`
  try {
    await new S3Client(clientSettings(region)).send(
      new HeadBucketCommand({ Bucket: `cdk-hnb659fds-assets-${account}-${region}`, ExpectedBucketOwner: account }),
    )
    const note = `its bucket is there; ${byHand} says its version, npx cdk bootstrap brings it up to date`
    return { ...finding, has: 'its bucket', verdict: 'fine', note }
  } catch (error) {
    if (httpStatus(error) === 404)
      return { ...finding, has: 'none', verdict: 'lacks', remedy: `npx cdk bootstrap aws://${account}/${region}` }
    return unanswered(finding, error, 's3:ListBucket on the bootstrap\u2019s bucket', byHand)
  }
}

const inspectLogRole = async (region: string): Promise<Finding> => {
  const finding = { name: 'API Gateway: role for logs', need: 'the Api stack\u2019s own' }
  try {
    const { cloudwatchRoleArn } = await new APIGatewayClient(clientSettings(region)).send(new GetAccountCommand({}))
    return cloudwatchRoleArn === undefined
      ? { ...finding, has: 'none yet', verdict: 'fine' }
      : {
          ...finding,
          has: 'one is set',
          verdict: 'fine',
          note: `${cloudwatchRoleArn}; the Api stack sets its own, which every REST API of this account and region then uses`,
        }
  } catch (error) {
    return unanswered(finding, error, `apigateway:GET on arn:aws:apigateway:${region}::/account`)
  }
}

const inspectNeeds = async (region: string, needs: readonly Need[]): Promise<readonly Finding[]> => {
  const findings: Finding[] = []
  for (let next = 0; next < needs.length; next += questionsAtOnce)
    findings.push(
      ...(await Promise.all(needs.slice(next, next + questionsAtOnce).map(need => inspectNeed(region, need)))),
    )
  return findings
}

const inspectNeed = async (region: string, need: Need): Promise<Finding> => {
  const finding = findingOf(need)
  const { quota, count } = need
  if (quota === undefined) return finding
  const where = quota.region ?? region
  try {
    const has = await quotaValue(new ServiceQuotasClient(clientSettings(where)), quota)
    return has >= count
      ? { ...finding, has: String(has), verdict: 'fine' }
      : {
          ...finding,
          has: String(has),
          verdict: 'lacks',
          remedy: request(quota, Math.max(count, quota.ask ?? 0), where),
        }
  } catch (error) {
    return unanswered(
      finding,
      error,
      'servicequotas:GetServiceQuota and servicequotas:GetAWSDefaultServiceQuota',
      `aws service-quotas get-service-quota ${named(quota)} --region ${where}`,
    )
  }
}

/** What is known without asking. */
export const findingOf = ({ name, count, because, limit }: Need): Finding => ({
  name,
  need: String(count),
  has: limit === undefined ? '–' : `${limit} by default`,
  verdict: limit === undefined ? 'not asked' : count <= limit ? 'fine' : 'lacks',
  ...(because === undefined ? {} : { note: because }),
})

/** An account that never asked for more may have no value of its own. */
const quotaValue = async (client: ServiceQuotasClient, { serviceCode, quotaCode }: Quota): Promise<number> => {
  const asked = { ServiceCode: serviceCode, QuotaCode: quotaCode }
  const answer = await client.send(new GetServiceQuotaCommand(asked)).catch(async (error: unknown) => {
    if (error instanceof Error && error.name === 'NoSuchResourceException')
      return client.send(new GetAWSDefaultServiceQuotaCommand(asked))
    throw error
  })
  if (answer.Quota?.Value === undefined) throw new Error('Service Quotas names no value')
  return answer.Quota.Value
}

const named = ({ serviceCode, quotaCode }: Quota): string => `--service-code ${serviceCode} --quota-code ${quotaCode}`

const request = (quota: Quota, desired: number, region: string): string =>
  `aws service-quotas request-service-quota-increase ${named(quota)} --desired-value ${desired} --region ${region}`

/** One question that got no answer; no credentials or no network are not for one question to report. */
const unanswered = (
  finding: Pick<Finding, 'name' | 'need'>,
  error: unknown,
  permission: string,
  byHand?: string,
): Finding => {
  const reason = cannotAsk(error)
  if (reason instanceof CannotAsk) throw reason
  const isDenied = failureOf(error) === 'denied'
  return {
    ...finding,
    has: isDenied ? 'denied' : 'no answer',
    verdict: 'unknown',
    note: isDenied ? `lacks the permission ${permission}` : messageOf(error),
    ...(byHand === undefined ? {} : { remedy: byHand }),
  }
}

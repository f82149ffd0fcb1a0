import * as z from 'zod'
import { usualInsuranceFund } from '#protocol/liquidation.ts'
import { rateLimits } from '#protocol/rate-limits.ts'
import { signatureAlgorithms } from '#protocol/token-issuers.ts'

/** What sets one tenant's exchange apart from another's: parsed once, typed props from there on. */
const logDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]

const issuer = z.strictObject({
  issuer: z.url({ protocol: /^https$/ }),
  jwksUri: z.url({ protocol: /^https$/ }).optional(),
  audience: z.string().min(1),
  /** With which its tokens are signed; any other is refused. */
  algorithms: z.array(z.enum(signatureAlgorithms)).min(1).default(['RS256']),
  accountClaim: z.string().min(1),
  roleClaim: z.string().min(1),
})

const domain = z.union([
  z.strictObject({ name: z.hostname(), certificateArn: z.string().startsWith('arn:') }),
  /** The certificate is made and proved by records in this zone, which also gets the name's alias. */
  z.strictObject({ name: z.hostname(), hostedZoneId: z.string().min(1), hostedZoneName: z.hostname() }),
])

const megabytes = z.int().min(128).max(10_240)

const tenantConfig = z
  .strictObject({
    /** Absent: the account of whoever deploys. */
    account: z
      .string()
      .regex(/^\d{12}$/, 'is twelve digits')
      .optional(),
    region: z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'is the name of a region'),
    /** Named, so that synthesis needs no look-up; the matchers' subnets are in them. */
    zones: z.tuple([z.string(), z.string()]),
    /** The first is the home lane of new accounts. */
    lanes: z
      .array(z.int().min(1).max(99))
      .min(1)
      .refine(lanes => new Set(lanes).size === lanes.length, 'names a lane twice'),
    /** Enhanced fan-out for low latency, polling for low cost. */
    streamRead: z.enum(['fan-out', 'polling']),
    announceOrders: z.boolean(),
    /** Whether an account may trade in several lanes on what its home lane grants. */
    laneBudgets: z.boolean().default(false),
    identity: z.union([
      z.strictObject({ issuers: z.array(issuer).min(1) }),
      /** A Cognito user pool of the tenant's own. */
      z.strictObject({ userPool: z.literal(true) }),
    ]),
    domain: domain.optional(),
    alarmEmail: z.email().optional(),
    /** What the accounts of the insurance fund are called; each lane has one of its own, `<name>-<lane>`. */
    insuranceFund: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,57}$/, 'is no name of an account')
      .default(usualInsuranceFund),
    /** That is asked each minute for quotes of the indices; absent: nobody is, sources quote themselves. */
    oracleServiceUrl: z.url({ protocol: /^https$/ }).optional(),
    /** Of partners that take orders by a service of theirs; of others list prices are known at most. */
    partnerServiceUrls: z
      .partialRecord(z.enum(['rackspace', 'aws', 'azure', 'gcp', 'generic']), z.url({ protocol: /^https$/ }))
      .default({}),
    sizes: z.strictObject({
      httpMegabytes: megabytes,
      streamMegabytes: megabytes,
      taskMegabytes: megabytes,
      matcherCpu: z.literal([256, 512, 1024, 2048, 4096, 8192, 16_384]),
      matcherMegabytes: z.int().min(512).max(122_880),
      requestsPerSecond: z.int().min(1),
      requestBurst: z.int().min(1),
      /** Of each credential, by its role. */
      rateLimits,
    }),
    retention: z.strictObject({
      logDays: z.int().refine(days => logDays.includes(days), `is one of ${logDays.join(', ')}`),
      streamHours: z.int().min(24).max(8760),
      snapshotDays: z.int().min(1),
      eventDays: z.int().min(1),
      /** For so long nobody can delete an audit record, nor the bucket that holds it: no less than the law asks. */
      auditDays: z.int().min(1).max(36_500),
    }),
  })
  .refine(({ zones, region }) => zones.every(zone => zone.startsWith(region)), {
    path: ['zones'],
    error: 'are not zones of the region',
  })
  .refine(({ lanes, laneBudgets }) => !laneBudgets || lanes.length > 1, {
    path: ['laneBudgets'],
    error: 'needs more than one lane',
  })
  .refine(({ retention }) => retention.snapshotDays * 24 > retention.streamHours, {
    path: ['retention', 'snapshotDays'],
    error: 'must outlast streamHours: a replay starts from a snapshot or from the start of the stream',
  })

export type TenantConfig = z.infer<typeof tenantConfig>
export interface Tenant extends TenantConfig {
  readonly name: string
}

const tenantName = /^[a-z][a-z0-9-]{0,30}$/

/** One tenant out of the `tenants` of cdk.json; an error is one line that names the tenant and the field. */
export const parseTenant = (tenants: unknown, name: string): Tenant => {
  const all = z.record(z.string(), z.unknown()).safeParse(tenants)
  if (!all.success) throw new Error('the context of cdk.json has no "tenants"')
  const config = all.data[name]
  if (config === undefined || !Object.hasOwn(all.data, name)) {
    throw new Error(`there is no tenant "${name}"; cdk.json knows ${Object.keys(all.data).join(', ')}`)
  }
  if (!tenantName.test(name)) throw new Error(`"${name}" cannot be a tenant's name: a-z, 0-9 and -, at most 31`)
  const parsed = tenantConfig.safeParse(config)
  if (parsed.success) return { name, ...parsed.data }
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`)
  throw new Error(`tenant ${name}: ${faults.join('; ')}`)
}

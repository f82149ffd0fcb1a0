/** Who may do what: roles of credentials, and the permission that each operation declares. Deny by default. */
export const roles = [
  'trader',
  'market_maker',
  'risk_manager',
  'compliance_officer',
  'capacity_partner',
  'market_operator',
  'service',
  'auditor',
  'admin',
] as const
export type Role = (typeof roles)[number]

export const permissions = [
  'accounts:open',
  'accounts:open-any',
  'accounts:read',
  'orders:write',
  'orders:read',
  'trades:read',
  'positions:read',
  'markets:read',
  'markets:write',
  'deposits:write',
  'api-keys:read',
  'api-keys:write',
  'audit:read',
] as const
export type Permission = (typeof permissions)[number]

/** Whoever signs in may have machines sign in. */
const ownKeys: readonly Permission[] = ['api-keys:read', 'api-keys:write']
const trading: readonly Permission[] = [
  ...ownKeys,
  'accounts:open',
  'accounts:read',
  'orders:write',
  'orders:read',
  'trades:read',
  'positions:read',
  'markets:read',
]
const reading: readonly Permission[] = [
  ...ownKeys,
  'accounts:read',
  'orders:read',
  'trades:read',
  'positions:read',
  'markets:read',
]
/** Whoever looks at what others do. */
const auditing: readonly Permission[] = [...reading, 'audit:read']
/** Whoever may open any account may open one, and read what was opened. */
const operating: readonly Permission[] = [
  ...ownKeys,
  'accounts:open',
  'accounts:open-any',
  'accounts:read',
  'markets:read',
  'markets:write',
  'deposits:write',
]

export const permissionsOf: Readonly<Record<Role, readonly Permission[]>> = {
  trader: trading,
  market_maker: trading,
  risk_manager: reading,
  compliance_officer: auditing,
  capacity_partner: trading,
  market_operator: operating,
  service: trading,
  auditor: auditing,
  admin: operating,
}

export const isRole = (text: string): text is Role => roles.some(role => role === text)

export const permits = (role: Role, permission: Permission): boolean => permissionsOf[role].includes(permission)

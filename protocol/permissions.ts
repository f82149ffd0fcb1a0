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
] as const
export type Permission = (typeof permissions)[number]

const trading: readonly Permission[] = [
  'accounts:open',
  'accounts:read',
  'orders:write',
  'orders:read',
  'trades:read',
  'positions:read',
  'markets:read',
]
const reading: readonly Permission[] = ['accounts:read', 'orders:read', 'trades:read', 'positions:read', 'markets:read']
/** Whoever may open any account may open one, and read what was opened. */
const operating: readonly Permission[] = [
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
  compliance_officer: reading,
  capacity_partner: trading,
  market_operator: operating,
  service: trading,
  auditor: reading,
  admin: operating,
}

export const isRole = (text: string): text is Role => roles.some(role => role === text)

export const permits = (role: Role, permission: Permission): boolean => permissionsOf[role].includes(permission)

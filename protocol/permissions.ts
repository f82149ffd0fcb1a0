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
  'markets:operate',
  'marks:write',
  'indices:read',
  'indices:write',
  'index-quotes:write',
  'measurements:read',
  'measurements:write',
  'products:preview',
  'options:exercise',
  'settlements:read',
  'settlements:operate',
  'sla:read',
  'sla:read-any',
  'sla:write',
  'deposits:write',
  'withdrawals:write',
  'transfers:write',
  'quotes:read',
  'quotes:write',
  'obligations:read',
  'obligations:read-any',
  'obligations:write',
  'kill:own',
  'kill:read',
  'kill:write',
  'lanes:read',
  'lanes:operate',
  'busts:read',
  'busts:write',
  'busts:approve',
  'commands:read',
  'api-keys:read',
  'api-keys:write',
  'risk:read',
  'risk:read-any',
  'risk:write',
  'backstop:read',
  'backstop:bid',
  'audit:read',
] as const
export type Permission = (typeof permissions)[number]

/** Whoever signs in may have machines sign in. */
const ownKeys: readonly Permission[] = ['api-keys:read', 'api-keys:write']
const trading: readonly Permission[] = [
  ...ownKeys,
  'withdrawals:write',
  'transfers:write',
  'accounts:open',
  'accounts:read',
  'orders:write',
  'orders:read',
  'trades:read',
  'positions:read',
  'markets:read',
  'indices:read',
  'measurements:read',
  'settlements:read',
  'sla:read',
  'products:preview',
  'options:exercise',
  'kill:own',
  'commands:read',
  'risk:read',
]
/** Quoting binds and is protected: for those who have agreed to do it. */
const marketMaking: readonly Permission[] = [
  ...trading,
  'quotes:read',
  'quotes:write',
  'obligations:read',
  'backstop:read',
  'backstop:bid',
]
const reading: readonly Permission[] = [
  ...ownKeys,
  'accounts:read',
  'orders:read',
  'trades:read',
  'positions:read',
  'markets:read',
  'indices:read',
  'measurements:read',
  'settlements:read',
  'risk:read',
  'sla:read',
]
/** Whoever looks after what others do: sees all of it, whoever it is about. */
const watching: readonly Permission[] = [
  'obligations:read',
  'obligations:read-any',
  'risk:read-any',
  'sla:read-any',
  'kill:read',
  'lanes:read',
  'busts:read',
]
/** Whoever looks at what others do. */
const auditing: readonly Permission[] = [...reading, ...watching, 'audit:read']
/** Whoever answers for risk stops and releases, and is the second person of a bust; what trades is not for them. */
const risk: readonly Permission[] = [
  ...reading,
  ...watching,
  'kill:write',
  'busts:approve',
  'commands:read',
  'risk:write',
]
/** Whoever may open any account may open one, and read what was opened. */
const operating: readonly Permission[] = [
  ...ownKeys,
  'accounts:open',
  'accounts:open-any',
  'accounts:read',
  'markets:read',
  'markets:write',
  'indices:read',
  'indices:write',
  'index-quotes:write',
  'measurements:read',
  'measurements:write',
  'products:preview',
  'settlements:read',
  'settlements:operate',
  'sla:read',
  'sla:write',
  'deposits:write',
  'withdrawals:write',
  'transfers:write',
  ...watching,
  'markets:operate',
  'marks:write',
  'obligations:write',
  'kill:write',
  'lanes:operate',
  'busts:write',
  'busts:approve',
  'commands:read',
  'risk:read',
]

export const permissionsOf: Readonly<Record<Role, readonly Permission[]>> = {
  trader: trading,
  market_maker: marketMaking,
  risk_manager: risk,
  compliance_officer: auditing,
  capacity_partner: trading,
  market_operator: operating,
  /** The exchange's own machines: they mark, too. */
  service: [...trading, 'marks:write', 'index-quotes:write', 'measurements:write', 'sla:write'],
  auditor: auditing,
  admin: operating,
}

export const isRole = (text: string): text is Role => roles.some(role => role === text)

export const permits = (role: Role, permission: Permission): boolean => permissionsOf[role].includes(permission)

import { expect, test } from '@jest/globals'
import { operations } from '#protocol/operations/registry.ts'
import { isRole, type Permission, permissions, permissionsOf, permits, roles } from '#protocol/permissions.ts'

test('deny by default: a role has what it is given and nothing else', () => {
  for (const role of roles)
    for (const permission of permissions)
      expect([role, permission, permits(role, permission)]).toEqual([
        role,
        permission,
        permissionsOf[role].includes(permission),
      ])
})

test('who watches does not write', () => {
  const writing: readonly Permission[] = ['orders:write', 'deposits:write', 'markets:write', 'accounts:open']
  for (const role of ['risk_manager', 'compliance_officer', 'auditor'] as const)
    expect(writing.filter(permission => permits(role, permission))).toEqual([])
})

test('who runs the market does not trade, and who trades does not run it', () => {
  for (const role of ['market_operator', 'admin'] as const) expect(permits(role, 'orders:write')).toBe(false)
  for (const role of ['trader', 'market_maker', 'capacity_partner', 'service'] as const) {
    expect(permits(role, 'deposits:write')).toBe(false)
    expect(permits(role, 'markets:write')).toBe(false)
    expect(permits(role, 'accounts:open-any')).toBe(false)
  }
})

test('every permission is somebody’s, and needed for something', () => {
  expect(permissions.filter(permission => !roles.some(role => permits(role, permission)))).toEqual([])
  const needed = new Set<string>(operations.map(({ permission }) => permission))
  // Looked at inside open-account, for an account that is not one's own.
  expect(permissions.filter(permission => !needed.has(permission))).toEqual(['accounts:open-any'])
})

test.each(['', 'Trader', 'root', 'constructor', '__proto__', 'trader '])('%j is no role', text => {
  expect(isRole(text)).toBe(false)
})

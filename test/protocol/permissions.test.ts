import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { operation } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { permissionsPage, wideningPermissions } from '#protocol/permission-table.ts'
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
  // Looked at inside operations that another permission opens.
  expect(permissions.filter(permission => !needed.has(permission))).toEqual(Object.keys(wideningPermissions))
})

test('docs/permissions.md tells each role × operation, as it is', () => {
  const file = join(import.meta.dirname, '../../docs/permissions.md')
  const page = permissionsPage()
  // `WRITE_SCHEMAS=1 npm test -- test/protocol/permissions.test.ts` writes it anew.
  if (process.env['WRITE_SCHEMAS'] === '1') writeFileSync(file, page)
  expect(readFileSync(file, 'utf8')).toBe(page)
  for (const { name } of operations) expect([name, page.split(`| \`${name}\` |`).length]).toEqual([name, 2])
})

test('an operation without a permission, or with one that nobody knows, does not compile', () => {
  const declared = {
    context: 'platform',
    name: 'look',
    method: 'GET',
    path: '/look',
    summary: 'Look',
    request: {},
    responses: {},
    rejections: [],
  } as const
  // @ts-expect-error: it has no permission
  operation(declared)
  // @ts-expect-error: there is no such permission
  operation({ ...declared, permission: 'orders:everything' })
  expect(operation({ ...declared, permission: 'public' }).permission).toBe('public')
})

test.each(['', 'Trader', 'root', 'constructor', '__proto__', 'trader '])('%j is no role', text => {
  expect(isRole(text)).toBe(false)
})

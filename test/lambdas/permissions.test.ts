import { describe, expect, test } from '@jest/globals'
import { contexts, type Operation } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { permits, type Role, roles } from '#protocol/permissions.ts'
import { validRequest } from '#test/support/hostile-requests.ts'
import { openWholeApi } from '#test/support/whole-api.ts'

/** Every role × operation through the real handlers, both ways: docs/permissions.md is what happens. */

const api = openWholeApi()

const mayCall = ({ permission }: Operation, role: Role): boolean => permission === 'public' || permits(role, permission)

let walked = 0

describe.each(contexts)('%s', context => {
  const own = operations.filter(operation => operation.context === context)

  test.each(own.map(operation => [operation.name, operation] as const))('%s', async (_, operation) => {
    const request = validRequest(operation, api.knownTo(operation))
    for (const role of roles) {
      api.reset()
      const { status, body } = await api.send(operation, request, { role })
      walked += 1
      if (mayCall(operation, role)) {
        // Beyond the rung of permission: whether it then succeeds is for the operation's own tests.
        expect([role, status === 401 || body['code'] === 'forbidden' ? body : 'allowed']).toEqual([role, 'allowed'])
        continue
      }
      expect([role, status, body['code']]).toEqual([role, 403, 'forbidden'])
      expect(body['detail']).toContain(operation.permission)
      expect([role, api.traces()]).toEqual([role, []])
    }
    // Whoever is nobody may what is public, and nothing else.
    api.reset()
    const { status } = await api.send(operation, request, null)
    expect(status === 401).toBe(operation.permission !== 'public')
    walked += 1
  })
})

test('every cell was walked', () => {
  expect(walked).toBe(operations.length * (roles.length + 1))
})

import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parseTenant } from '#lib/tenant.ts'

const { tenants } = JSON.parse(readFileSync('cdk.json', 'utf8')).context
const frugal = (change: Readonly<Record<string, unknown>>) => ({ frugal: { ...tenants.frugal, ...change } })

describe('tenants of cdk.json', () => {
  test('there are two, and they are whole', () => {
    expect(Object.keys(tenants)).toEqual(['frugal', 'swift'])
    expect(parseTenant(tenants, 'frugal')).toMatchObject({ name: 'frugal', lanes: [1], streamRead: 'polling' })
    // Off unless told.
    expect(parseTenant(tenants, 'frugal').laneBudgets).toBe(false)
    expect(parseTenant(tenants, 'swift').laneBudgets).toBe(true)
    expect(parseTenant(tenants, 'swift')).toMatchObject({ name: 'swift', lanes: [1, 2], streamRead: 'fan-out' })
  })

  test('an unknown one is told with those that are known', () => {
    expect(() => parseTenant(tenants, 'acme')).toThrow('there is no tenant "acme"; cdk.json knows frugal, swift')
    expect(() => parseTenant(tenants, 'constructor')).toThrow('there is no tenant "constructor"')
    expect(() => parseTenant(undefined, 'acme')).toThrow('the context of cdk.json has no "tenants"')
  })
})

describe('an error names the tenant and the field', () => {
  test.each([
    ['region', { region: 'Frankfurt' }, /^tenant frugal: region: is the name of a region/],
    ['zones', { zones: ['us-east-1a', 'us-east-1b'] }, /zones: are not zones of the region/],
    ['lanes', { lanes: [1, 1] }, /lanes: names a lane twice/],
    ['lanes', { lanes: [] }, /lanes: /],
    ['laneBudgets', { laneBudgets: true }, /laneBudgets: needs more than one lane/],
    ['account', { account: '12' }, /account: is twelve digits/],
    ['issuer', { identity: { issuers: [{ issuer: 'http://login.example' }] } }, /identity/],
    ['logDays', { retention: { ...tenants.frugal.retention, logDays: 31 } }, /retention\.logDays: is one of 1, 3/],
    [
      'snapshotDays',
      { retention: { ...tenants.frugal.retention, snapshotDays: 1 } },
      /retention\.snapshotDays: must outlast streamHours/,
    ],
    ['oracleServiceUrl', { oracleServiceUrl: 'http://oracle.example' }, /oracleServiceUrl: /],
    ['matcherCpu', { sizes: { ...tenants.frugal.sizes, matcherCpu: 1000 } }, /sizes\.matcherCpu: /],
    ['an unknown field', { lane: 1 }, /Unrecognized key: "lane"/],
  ])('%s', (_, change, message) => {
    expect(() => parseTenant(frugal(change), 'frugal')).toThrow(message)
  })
})

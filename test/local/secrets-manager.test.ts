import { statSync } from 'node:fs'
import { join } from 'node:path'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterEach, expect, test } from '@jest/globals'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { startAwsEndpoint } from '#local/aws-endpoint.ts'
import type { Component } from '#local/component.ts'
import { startSecretsManager } from '#local/secrets-manager.ts'
import { arnOf, credentials, region, resourceOf, type TestSurroundings, testSurroundings } from './surroundings.ts'

const arn = arnOf('secretsmanager', 'secret:Pepper')
const secret = (GenerateSecretString: object) =>
  resourceOf('AWS::SecretsManager::Secret', 'Pepper', arn, { GenerateSecretString })
const given = { PasswordLength: 64, ExcludePunctuation: true }

let endpoint: (Component & { readonly port: number }) | undefined
const started: TestSurroundings[] = []
afterEach(async () => {
  await endpoint?.stop()
  endpoint = undefined
  for (const surroundings of started.splice(0)) surroundings.remove()
})

const read = async (surroundings: TestSurroundings, SecretId: string) => {
  await endpoint?.stop()
  endpoint = await startAwsEndpoint(0, [startSecretsManager(surroundings).route])
  const client = new SecretsManagerClient({
    endpoint: `http://127.0.0.1:${endpoint.port}`,
    region,
    credentials,
    requestHandler: new NodeHttpHandler(),
  })
  try {
    return await client.send(new GetSecretValueCommand({ SecretId }))
  } finally {
    client.destroy()
  }
}

test('a secret is made once for a data directory, and nobody else may read its file', async () => {
  const surroundings = testSurroundings([secret(given)])
  started.push(surroundings)
  const { SecretString = '', ARN } = await read(surroundings, arn)
  expect(ARN).toBe(arn)
  expect(SecretString).toMatch(/^[A-Za-z0-9]{64}$/)
  expect(await read(surroundings.again(), arn)).toMatchObject({ SecretString })
  expect(statSync(join(surroundings.dataDir, 'secrets.json')).mode & 0o077).toBe(0)
  const other = testSurroundings([secret(given)])
  started.push(other)
  expect((await read(other, arn)).SecretString).not.toBe(SecretString)
})

test('what is not there is said, and what cannot be made stops the start', async () => {
  const surroundings = testSurroundings([secret(given)])
  started.push(surroundings)
  await expect(read(surroundings, `${arn}2`)).rejects.toMatchObject({ name: 'ResourceNotFoundException' })
  const strange = testSurroundings([secret({ PasswordLength: 64 })])
  started.push(strange)
  expect(() => startSecretsManager(strange)).toThrow('ExcludePunctuation')
})

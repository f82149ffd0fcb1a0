import { randomInt, randomUUID } from 'node:crypto'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { AwsError, type AwsRoute, action, awsRoute } from './aws-endpoint.ts'
import type { Surroundings } from './component.ts'
import { writeAtomically } from './kept-state.ts'
import { propertiesOf } from './resource-properties.ts'

const secretProperties = z.object({
  GenerateSecretString: z.strictObject({
    PasswordLength: z.number().int().min(1).max(4096).default(32),
    /** Without it a secret would have other characters than here. */
    ExcludePunctuation: z.literal(true),
  }),
})
const kept = z.record(z.string(), z.strictObject({ value: z.string(), version: z.string() }))
const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** Makes each of the template's secrets once, in the data directory: with a kept folder it stays what it was. */
export function startSecretsManager(s: Surroundings): { readonly route: AwsRoute } {
  const file = join(s.dataDir, 'secrets.json')
  const before = existsSync(file) ? kept.parse(JSON.parse(readFileSync(file, 'utf8'))) : {}
  const secrets = Object.fromEntries(
    s.resources
      .filter(({ type }) => type === 'AWS::SecretsManager::Secret')
      .map(resource => {
        const { GenerateSecretString } = propertiesOf(resource, secretProperties)
        const { PasswordLength: length } = GenerateSecretString
        const made = { value: generate(length), version: randomUUID() }
        return [resource.arn, before[resource.arn] ?? made]
      }),
  )
  writeAtomically(file, JSON.stringify(secrets))
  chmodSync(file, 0o600)
  const GetSecretValue = action(z.strictObject({ SecretId: z.string() }), ({ SecretId }) => {
    const secret = secrets[SecretId]
    if (secret === undefined)
      throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.")
    const Name = SecretId.split(':').at(-1)
    return { ARN: SecretId, Name, SecretString: secret.value, VersionId: secret.version, VersionStages: ['AWSCURRENT'] }
  })
  return { route: awsRoute('secretsmanager.', { GetSecretValue }) }
}

function generate(length: number): string {
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join('')
}

import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { secretsManager } from './clients/secrets-manager.ts'
import { required } from './environment.ts'

let reading: Promise<string> | undefined

/** What the hashes of API keys are keyed by: without it the table tells nothing. Read once a process. */
export const apiKeyPepper = (): Promise<string> => {
  reading ??= read().catch((error: unknown) => {
    reading = undefined
    throw error
  })
  return reading
}

const read = async (): Promise<string> => {
  const { SecretString } = await secretsManager().send(
    new GetSecretValueCommand({ SecretId: required(apiKeyPepperEnvironmentVariable) }),
  )
  if (SecretString === undefined || SecretString === '') throw new Error('the pepper of API keys is empty')
  return SecretString
}

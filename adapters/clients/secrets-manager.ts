import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { once, transport } from './transport.ts'

export const secretsManager = once(() => new SecretsManagerClient(transport('SECRETS_MANAGER')))

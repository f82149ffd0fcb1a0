import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { mockClient } from 'aws-sdk-client-mock'
import { apiKeyPepperEnvironmentVariable } from '#protocol/api-key-credential.ts'
import { signedText } from '#protocol/request-signature.ts'
import { mockTables } from './mocked-tables.ts'

export const pepper = 'pepper-of-this-test'

/** What API keys need, in memory. */
export const openKeyOffice = () => {
  const tables = mockTables()
  const secrets = mockClient(SecretsManagerClient)
  process.env[apiKeyPepperEnvironmentVariable] = 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:pepper'
  secrets.on(GetSecretValueCommand).resolves({ SecretString: pepper })
  return { tables, secrets }
}

export interface Pair {
  readonly privateKey: KeyObject
  /** Base64 of the SPKI. */
  readonly publicKey: string
  readonly pem: string
}

export const keyPair = (): Pair => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    privateKey,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    pem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  }
}

let nonces = 0

/** The headers that a signed request carries beside its bearer. */
export const signatureOf = (
  privateKey: KeyObject,
  request: { readonly method: string; readonly path: string; readonly body?: string },
  more: { readonly timestamp?: string; readonly nonce?: string } = {},
): Readonly<Record<string, string>> => {
  const [path = '', query = ''] = request.path.split('?')
  nonces += 1
  const timestamp = more.timestamp ?? String(Date.now())
  const nonce = more.nonce ?? `nonce-${String(nonces).padStart(16, '0')}`
  const text = signedText({
    timestamp,
    nonce,
    method: request.method,
    path,
    query: new URLSearchParams(query),
    body: Buffer.from(request.body ?? ''),
  })
  return {
    'X-Timestamp': timestamp,
    'X-Nonce': nonce,
    'X-Signature': sign(null, Buffer.from(text), privateKey).toString('base64'),
  }
}

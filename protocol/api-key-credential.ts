/** How an API key is presented: `Authorization: Bearer cxk_<key id>_<secret>`, or `cxs_<key id>` beside a signature. */
export interface KeyCredential {
  readonly keyId: string
  /** Undefined where the request is signed instead. */
  readonly secret: string | undefined
}

const secretForm = /^cxk_([0-9a-f]{24})_([A-Za-z0-9_-]{43})$/
const signedForm = /^cxs_([0-9a-f]{24})$/

export const bearerOfSecret = (keyId: string, secret: string): string => `cxk_${keyId}_${secret}`
export const bearerOfSigned = (keyId: string): string => `cxs_${keyId}`

/** Of tokens none begins so: they are three parts with dots between. */
export const looksLikeKey = (bearer: string): boolean => /^cx[ks]_/.test(bearer)

export const keyCredentialOf = (bearer: string): KeyCredential | undefined => {
  const [, keyId, secret] = secretForm.exec(bearer) ?? signedForm.exec(bearer) ?? []
  return keyId === undefined ? undefined : { keyId, secret }
}

/** Gives a function the ARN of the secret that the hashes of API keys are keyed by. */
export const apiKeyPepperEnvironmentVariable = 'API_KEY_PEPPER'

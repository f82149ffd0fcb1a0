/** With which an issuer may sign its tokens: public keys only, so that whoever verifies cannot sign. */
export const signatureAlgorithms = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const

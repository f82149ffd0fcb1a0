import { tables } from '#protocol/tables.ts'
import { store } from '../writes.ts'

/** False where it was taken before. */
export const takeNonce = (nonce: string, expiresAtSeconds: number): Promise<boolean> =>
  store({
    kind: 'put',
    table: tables.nonces,
    item: { nonce, expires_at: expiresAtSeconds },
    onlyIf: { nonce: undefined },
  })

import type { Rejection } from '../shell/http.ts'

/** With which nothing is sent that moves cash or collateral. */
export type CashRefusal = Rejection<'invalid-request' | 'unknown-account' | 'engine-version-needed'>

export const notCountable: CashRefusal = {
  code: 'invalid-request',
  errors: [
    { pointer: '#/amount', detail: 'must have at most six digits after the point, and be less than 2^53 micros' },
  ],
}

/** Or nobody's business of whoever asks. */
export const notOpen = (field: string): CashRefusal => ({
  code: 'unknown-account',
  errors: [{ pointer: `#/${field}`, detail: 'is not open' }],
})

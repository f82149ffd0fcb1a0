import type { Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'

/** The lane that a query names; the first where it names none. */
export const askedLane = (text: string | undefined): { readonly lane: number } | Rejection<'invalid-request'> => {
  const lanes = tenantLanes()
  const lane = text === undefined ? lanes[0] : lanes.find(each => String(each) === text)
  return lane === undefined
    ? { code: 'invalid-request', errors: [{ pointer: '#/query/lane', detail: `must be one of ${lanes.join(', ')}` }] }
    : { lane }
}

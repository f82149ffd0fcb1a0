import type { Rejection } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'

/** The lane that a path names. */
export const laneOfPath = (text: string): { readonly lane: number } | Rejection<'not-found'> => {
  const lane = tenantLanes().find(each => String(each) === text)
  return lane === undefined ? { code: 'not-found' } : { lane }
}

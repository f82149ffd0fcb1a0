import { listApprovals } from '#adapters/tables/approval-requests.ts'
import type { listParameterRequests } from '#protocol/operations/parameter-requests.ts'
import type { Handle } from '../shell/http.ts'
import { parameterRequestView } from './guarded-parameters.ts'

const most = 100

export const handle: Handle<typeof listParameterRequests> = async ({ query }) => {
  const nowMillis = Date.now()
  const rows = await listApprovals(query.parameters, most)
  return { status: 200, body: { requests: rows.map(row => parameterRequestView(row, nowMillis)) } }
}

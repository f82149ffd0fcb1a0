import * as z from 'zod'
import { operation } from '../operation.ts'
import { parameterRequest } from './parameters.ts'

/** What two persons decide of parameters of risk; among the operations of risk. */

const parameters = z
  .enum(['risk', 'limit-scaling'])
  .meta({ description: 'Those of PUT /api/v1/risk/parameters, or of PUT /api/v1/risk/limit-scaling' })

export const listParameterRequests = operation({
  context: 'risk',
  name: 'list-parameter-requests',
  method: 'GET',
  path: '/api/v1/risk/parameter-requests',
  permission: 'risk:write',
  summary: 'List requests that parameters of risk protect less, newest first',
  request: { query: z.strictObject({ parameters: parameters.default('risk') }) },
  responses: {
    200: { description: 'At most 100, of the last 30 days', schema: z.object({ requests: z.array(parameterRequest) }) },
  },
  rejections: [],
})

export const approveParameterChange = operation({
  context: 'risk',
  name: 'approve-parameter-change',
  method: 'POST',
  path: '/api/v1/risk/parameter-requests/{request_id}/approve',
  permission: 'risk:write',
  summary: 'Approve that parameters of risk protect less',
  description:
    'By another account and another credential than asked for it, within a day and before it takes effect, unless what it changes was set otherwise since. A repeat changes nothing.',
  idempotency: 'none',
  weight: 2,
  request: { path: z.strictObject({ request_id: z.uuid() }) },
  responses: { 200: { description: 'It takes effect', schema: parameterRequest } },
  rejections: ['not-found', 'second-person-required', 'limit-request-over', 'limits-changed'],
})

export const parameterRequestOperations = [listParameterRequests, approveParameterChange] as const

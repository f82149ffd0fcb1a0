import * as z from 'zod'
import { operation } from '../operation.ts'

const readiness = z
  .object({
    ready: z.boolean(),
    dependencies: z.record(z.string(), z.object({ up: z.boolean(), detail: z.string().optional() })),
    lanes: z
      .array(
        z.object({
          lane: z.int(),
          epoch: z.int().describe('Grows by one with each matcher that takes over'),
          leader: z.string().describe('Host, process id and a name of its own'),
          halted: z.string().optional().describe('Why no matcher may lead'),
          replicas: z.array(
            z.object({
              owner: z.string(),
              role: z.enum(['leader', 'standby', 'halted']),
              out_seq: z.int().describe('The last event that it has come to'),
              behind_ms: z.int(),
            }),
          ),
        }),
      )
      .describe('The matchers that have spoken within 15 s'),
  })
  .meta({ id: 'Readiness' })

export const health = operation({
  context: 'platform',
  name: 'health',
  method: 'GET',
  path: '/health',
  permission: 'public',
  summary: 'Whether the API answers at all',
  request: {},
  responses: { 200: { description: 'It does', schema: z.object({ healthy: z.literal(true) }) } },
  rejections: [],
})

export const ready = operation({
  context: 'platform',
  name: 'ready',
  method: 'GET',
  path: '/ready',
  permission: 'public',
  summary: 'Whether everything an order needs is up',
  request: {},
  responses: {
    200: { description: 'All is up', schema: readiness },
    503: { description: 'What is down has up: false', schema: readiness },
  },
  rejections: [],
})

export const metrics = operation({
  context: 'platform',
  name: 'metrics',
  method: 'GET',
  path: '/metrics',
  permission: 'public',
  summary: 'Counters and gauges of the matchers, as Prometheus text',
  request: {},
  responses: { 200: { description: 'Prometheus text format', mediaType: 'text/plain; version=0.0.4' } },
  rejections: ['dependency-unavailable'],
})

export const openapi = operation({
  context: 'platform',
  name: 'openapi',
  method: 'GET',
  path: '/openapi.json',
  permission: 'public',
  summary: 'This API as an OpenAPI 3.1 document',
  request: {},
  responses: { 200: { description: 'OpenAPI 3.1', mediaType: 'application/json' } },
  rejections: [],
})

export const documentation = operation({
  context: 'platform',
  name: 'documentation',
  method: 'GET',
  path: '/docs',
  permission: 'public',
  summary: 'This API as a page for people',
  request: {},
  responses: { 200: { description: 'HTML', mediaType: 'text/html' } },
  rejections: [],
})

export const platformOperations = [health, ready, metrics, openapi, documentation] as const

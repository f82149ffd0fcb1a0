import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type * as z from 'zod'
import type { Component, Surroundings } from './component.ts'
import { describeIssues } from './resource-properties.ts'

/**
 * One plain HTTP server for the services that speak AWS's JSON protocols: the installed clients send JSON 1.0 (Step
 * Functions, SQS) or 1.1 (EventBridge), the action named by X-Amz-Target; none of them sends CBOR.
 */
export interface AwsRoute {
  /** For example 'AWSStepFunctions.' */
  readonly targetPrefix: string
  handle(action: string, input: Record<string, unknown>): Promise<unknown>
}

/** An answer that the service itself gives, by AWS's own code. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number
  constructor(code: string, message: string, status = 400) {
    super(message)
    this.name = code
    this.code = code
    this.status = status
  }
}

type Complain = Surroundings['complain']

export async function startAwsEndpoint(
  port: number,
  routes: readonly AwsRoute[],
  complain: Complain = console.error,
): Promise<Component & { readonly port: number }> {
  const server = createServer((request, response) => {
    answer(request, response, routes, complain).catch(error => {
      complain('AWS endpoint', error)
      response.destroy()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the AWS endpoint has no port')
  return {
    port: address.port,
    stop() {
      return new Promise((resolve, reject) => {
        server.close(error => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      })
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: readonly AwsRoute[],
  complain: Complain,
): Promise<void> {
  const body = await text(request)
  const target = String(request.headers['x-amz-target'] ?? '')
  const reply = (status: number, content: unknown) => {
    response.writeHead(status, {
      'content-type': request.headers['content-type'] ?? 'application/x-amz-json-1.0',
      'x-amzn-requestid': randomUUID(),
    })
    response.end(JSON.stringify(content ?? {}))
  }
  try {
    const route = routes.find(({ targetPrefix }) => target.startsWith(targetPrefix))
    // Whoever only looks whether someone is there asks for nothing.
    if (target === '') return reply(404, { __type: 'UnknownOperationException', message: 'X-Amz-Target is missing' })
    if (route === undefined) throw unknownAction(target)
    reply(200, await route.handle(target.slice(route.targetPrefix.length), parseInput(body)))
  } catch (error) {
    if (!(error instanceof AwsError)) {
      complain(target, error)
      reply(500, { __type: 'InternalFailure', message: `${target} failed; the terminal tells why` })
      return
    }
    if (error.code === 'UnknownOperationException') complain('AWS endpoint', error)
    reply(error.status, { __type: error.code, message: error.message })
  }
}

function unknownAction(action: string): AwsError {
  return new AwsError('UnknownOperationException', `${action} is not among the actions that the local runtime answers`)
}

function parseInput(body: string): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(body === '' ? '{}' : body)
    if (isRecord(input)) return input
  } catch (error) {
    throw new AwsError('SerializationException', error instanceof Error ? error.message : String(error))
  }
  throw new AwsError('SerializationException', 'the input is not an object')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

type Action = (input: Record<string, unknown>) => unknown

/** An action whose input is held against its schema first. */
export function action<Schema extends z.ZodType>(schema: Schema, act: (input: z.output<Schema>) => unknown): Action {
  return input => {
    const parsed = schema.safeParse(input)
    if (parsed.success) return act(parsed.data)
    throw new AwsError('ValidationException', describeIssues(parsed.error))
  }
}

export function awsRoute(targetPrefix: string, actions: Readonly<Record<string, Action>>): AwsRoute {
  return {
    targetPrefix,
    async handle(name, input) {
      const act = actions[name]
      if (act === undefined) throw unknownAction(`${targetPrefix}${name}`)
      return await act(input)
    },
  }
}

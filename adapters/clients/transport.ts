import { Agent } from 'node:http'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/**
 * The one place where a transport differs: an `http:` endpoint (AWS_ENDPOINT_URL_*) gets a plain HTTP/1.1 handler,
 * which the Kinesis client would otherwise not use.
 */
export const transport = (service: string): { requestHandler?: NodeHttpHandler } =>
  process.env[`AWS_ENDPOINT_URL_${service}`]?.startsWith('http:') === true
    ? { requestHandler: new NodeHttpHandler({ httpAgent: new Agent({ keepAlive: true, maxSockets: 64 }) }) }
    : {}

/** Clients are made once a process, on first use. Each has a file of its own, so that a bundle carries only what it calls. */
export const once = <Client>(make: () => Client): (() => Client) => {
  let made: Client | undefined
  return () => {
    made ??= make()
    return made
  }
}

import type { APIGatewayProxyEvent } from 'aws-lambda'
import { isRole, permissionsOf } from '#protocol/permissions.ts'
import { identifyKey } from './api-key.ts'
import type { Identified, Unidentified } from './principal.ts'

/** Out of what the authorizer said. A token says all there is to say; of an API key the row is read anew each time. */
export const identify = async (event: APIGatewayProxyEvent): Promise<Identified | Unidentified> => {
  const { authorizer, identity } = event.requestContext
  const said: unknown = authorizer
  if (typeof said !== 'object' || said === null) return { code: 'unauthorized' }
  const { account, role, credential, key_id, key_version }: Partial<Record<string, unknown>> = { ...said }
  if (key_id !== undefined) return identifyKey(event, String(key_id), key_version)
  if (typeof account !== 'string' || account === '' || typeof role !== 'string' || typeof credential !== 'string')
    return { code: 'unauthorized' }
  if (!isRole(role)) return { code: 'unauthorized' }
  return {
    principal: { account, role, credential, permissions: permissionsOf[role], address: identity.sourceIp },
  }
}

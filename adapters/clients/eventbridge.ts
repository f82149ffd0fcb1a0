import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { once, transport } from './transport.ts'

export const eventbridge = once(() => new EventBridgeClient(transport('EVENTBRIDGE')))

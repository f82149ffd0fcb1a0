import { SFNClient } from '@aws-sdk/client-sfn'
import { once, transport } from './transport.ts'

export const sfn = once(() => new SFNClient(transport('SFN')))

import { KinesisClient } from '@aws-sdk/client-kinesis'
import { once, transport } from './transport.ts'

export const kinesis = once(() => new KinesisClient(transport('KINESIS')))

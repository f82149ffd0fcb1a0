import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import { once, transport } from './transport.ts'

export const dynamodb = once(() =>
  DynamoDBDocumentClient.from(new DynamoDBClient(transport('DYNAMODB')), {
    marshallOptions: { removeUndefinedValues: true },
  }),
)

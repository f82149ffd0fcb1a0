/** What a comparison needs, read from the stores themselves, past every function of the exchange. */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  ListTablesCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { partitionKey } from '#protocol/streams.ts'

export type Row = Readonly<Record<string, string | number | boolean>>

export interface StreamedRecord {
  /** 56 digits. */
  readonly sequence: string
  readonly arrivalMillis: number
  readonly data: Uint8Array
}

/** A client's request that was answered by 2xx: the exchange has promised to carry it out. */
export interface Acknowledged {
  readonly operation: 'place-order' | 'amend-order' | 'cancel-order'
  readonly account: string
  /** That the client gave the request. */
  readonly name: string
  /** As answered: the order that was placed, amended or cancelled. */
  readonly orderId: string
}

export interface Tables {
  readonly orders: readonly Row[]
  readonly trades: readonly Row[]
  readonly positions: readonly Row[]
  readonly balances: readonly Row[]
  readonly ledgerEntries: readonly Row[]
  readonly outcomes: readonly Row[]
  readonly commands: readonly Row[]
}

export interface Lease {
  readonly epoch: number
  readonly owner: string
  /** Of the checkpoint: 56 digits; empty before the first. */
  readonly sequence: string
  readonly outSeq: number
  readonly chain: string
  readonly halted: string | undefined
}

export interface Stores {
  lease(): Promise<Lease>
  /** Writes that into the checkpoint in place of what is there, as no matcher does; false where it has moved meanwhile. */
  replaceChain(chain: string, by: string): Promise<boolean>
  /** Of each projector that has begun. */
  watermarks(): Promise<Readonly<Record<string, number>>>
  skippedRecords(): Promise<readonly string[]>
  /** All that the stream holds. */
  records(stream: 'orders' | 'executions'): Promise<readonly StreamedRecord[]>
  /** Past the intake. Answers the sequence number, 56 digits. */
  putOrderRecord(data: Uint8Array): Promise<string>
  tables(): Promise<Tables>
  close(): void
}

const sequenceDigits = 56

export const openStores = async (lane: number, aws: Readonly<Record<string, string>>): Promise<Stores> => {
  const settings = {
    region: aws['AWS_REGION'] ?? '',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    requestHandler: new NodeHttpHandler(),
  }
  const dynamodb = new DynamoDBClient({ ...settings, endpoint: aws['AWS_ENDPOINT_URL_DYNAMODB'] ?? '' })
  const kinesis = new KinesisClient({ ...settings, endpoint: aws['AWS_ENDPOINT_URL_KINESIS'] ?? '' })
  const [tableNames, streamNames] = await Promise.all([
    dynamodb.send(new ListTablesCommand({})).then(({ TableNames = [] }) => TableNames),
    kinesis.send(new ListStreamsCommand({})).then(({ StreamNames = [] }) => StreamNames),
  ])
  const tableOf = (name: string) => only(tableNames, new RegExp(`-${name}Table[0-9A-F]{8}$`), `table ${name}`)
  const orderStream = only(streamNames, new RegExp(`-Lane${lane}Orders[0-9A-F]{8}$`), 'order stream')
  const executionStream = only(streamNames, new RegExp(`-Lane${lane}Executions[0-9A-F]{8}$`), 'execution stream')
  const lanes = tableOf('Lanes')

  const scan = async (name: string): Promise<readonly Row[]> => {
    const rows: Row[] = []
    let ExclusiveStartKey: Record<string, AttributeValue> | undefined
    do {
      const page = await dynamodb.send(
        new ScanCommand({
          TableName: tableOf(name),
          ConsistentRead: true,
          ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
        }),
      )
      rows.push(...(page.Items ?? []).map(rowOf))
      ExclusiveStartKey = page.LastEvaluatedKey
    } while (ExclusiveStartKey !== undefined)
    return rows
  }

  const records = async (StreamName: string): Promise<readonly StreamedRecord[]> => {
    const { Shards: [shard] = [] } = await kinesis.send(new ListShardsCommand({ StreamName }))
    const { ShardIterator } = await kinesis.send(
      new GetShardIteratorCommand({ StreamName, ShardId: shard?.ShardId, ShardIteratorType: 'TRIM_HORIZON' }),
    )
    const found: StreamedRecord[] = []
    for (let iterator = ShardIterator; iterator !== undefined; ) {
      const answer = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterator }))
      for (const { SequenceNumber = '', ApproximateArrivalTimestamp, Data = new Uint8Array() } of answer.Records ?? [])
        found.push({
          sequence: SequenceNumber.padStart(sequenceDigits, '0'),
          arrivalMillis: ApproximateArrivalTimestamp?.getTime() ?? Number.NaN,
          data: Data,
        })
      // A page is full at 10,000 records, whatever is said to lie behind it.
      const isEnd = answer.MillisBehindLatest === 0 && (answer.Records ?? []).length === 0
      iterator = isEnd ? undefined : answer.NextShardIterator
    }
    return found
  }

  return {
    async lease() {
      const { Item = {} } = await dynamodb.send(
        new GetItemCommand({
          TableName: lanes,
          Key: { lane: { S: String(lane) }, row: { S: 'checkpoint' } },
          ConsistentRead: true,
        }),
      )
      const { epoch, owner, sequence_number, out_seq, chain, halted } = rowOf(Item)
      return {
        epoch: Number(epoch ?? 0),
        owner: String(owner ?? ''),
        sequence: String(sequence_number ?? ''),
        outSeq: Number(out_seq ?? 0),
        chain: String(chain ?? ''),
        halted: halted === undefined ? undefined : String(halted),
      }
    },
    async replaceChain(chain, by) {
      const update = new UpdateItemCommand({
        TableName: lanes,
        Key: { lane: { S: String(lane) }, row: { S: 'checkpoint' } },
        UpdateExpression: 'SET chain = :by',
        ConditionExpression: 'chain = :chain',
        ExpressionAttributeValues: { ':by': { S: by }, ':chain': { S: chain } },
      })
      try {
        await dynamodb.send(update)
        return true
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false
        throw error
      }
    },
    async watermarks() {
      const rows = (await scan('Lanes')).filter(row => row['lane'] === String(lane))
      return Object.fromEntries(
        rows.flatMap(({ row, out_seq }) => {
          const [kind, name] = String(row).split('#')
          return kind === 'projector' && name !== undefined ? [[name, Number(out_seq)]] : []
        }),
      )
    },
    async skippedRecords() {
      const rows = (await scan('Lanes')).filter(row => row['lane'] === String(lane))
      return rows.flatMap(({ row }) => (String(row).startsWith('skip#') ? [String(row)] : []))
    },
    records: stream => records(stream === 'orders' ? orderStream : executionStream),
    async putOrderRecord(Data) {
      const put = new PutRecordCommand({ StreamName: orderStream, PartitionKey: partitionKey, Data })
      const { SequenceNumber = '' } = await kinesis.send(put)
      return SequenceNumber.padStart(sequenceDigits, '0')
    },
    async tables() {
      const [orders, trades, positions, balances, ledgerEntries, outcomes, commands] = await Promise.all([
        scan('Orders'),
        scan('Trades'),
        scan('Positions'),
        scan('Balances'),
        scan('LedgerEntries'),
        scan('Outcomes'),
        scan('Commands'),
      ])
      return { orders, trades, positions, balances, ledgerEntries, outcomes, commands }
    },
    close() {
      dynamodb.destroy()
      kinesis.destroy()
    },
  }
}

const only = (names: readonly string[], pattern: RegExp, what: string): string => {
  const [name, ...others] = names.filter(each => pattern.test(each))
  if (name === undefined || others.length > 0)
    throw new Error(`${name === undefined ? 'no' : 'more than one'} ${what} among ${names.join(', ')}`)
  return name
}

/** Text, numbers and truths; what rows hold besides is compared by nobody. */
const rowOf = (item: Readonly<Record<string, AttributeValue>>): Row => {
  const row: Record<string, string | number | boolean> = {}
  for (const [name, { S, N, BOOL }] of Object.entries(item)) {
    if (S !== undefined) row[name] = S
    else if (N !== undefined) row[name] = Number(N)
    else if (BOOL !== undefined) row[name] = BOOL
  }
  return row
}

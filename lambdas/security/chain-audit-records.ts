import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { archiveSegment } from '#adapters/audit-archive.ts'
import {
  type AuditHead,
  type AuditRow,
  appendAuditRecords,
  getAuditHead,
  isChained,
  mostRecordsAtOnce,
  recordsOfSegment,
} from '#adapters/tables/audit.ts'
import { type AuditEntry, append } from '#domain/compliance/audit-chain.ts'
import { accessLogLine, auditLine, logDelivery } from '#protocol/audit.ts'
import { operations } from '#protocol/operations/registry.ts'
import { logger, metrics, type StreamedRecord, serveStream } from '../shell/stream.ts'

/** CloudWatch Logs puts at most 1 MB, compressed. */
const mostDeliveredBytes = 64 * 1024 * 1024
/** Another writer is a left-over of this very function and ends soon. */
const mostAttempts = 5

/** Every line of a record of the stream becomes an entry, one that cannot be read too: nothing is passed over. */
const entriesOf = ({ sequenceNumber, data }: StreamedRecord): readonly AuditEntry[] => {
  const delivery = deliveryOf(data)
  if (delivery === undefined) return [unreadable(sequenceNumber, Buffer.from(data))]
  if (delivery.messageType === 'CONTROL_MESSAGE') return []
  return delivery.logEvents.map(({ id, message }) => {
    const json = jsonOf(message)
    const told = auditLine.safeParse(json)
    if (told.success) return toldEntry(told.data.audit)
    const logged = accessLogLine.safeParse(json)
    return logged.success ? loggedEntry(logged.data) : unreadable(id, Buffer.from(message))
  })
}

const toldEntry = ({ route, teller, line, time, operation, ...rest }: typeof auditLine._output.audit): AuditEntry => ({
  id: `${teller}:${line}`,
  teller,
  line,
  time,
  ...rest,
  operation: operation ?? operationAt(rest.method, route),
})

const loggedEntry = (line: typeof accessLogLine._output): AuditEntry => ({
  ...nothing,
  id: `gateway:${line.extended_request_id}`,
  time: new Date(line.time).toISOString(),
  account: line.account,
  role: line.role,
  credential: line.credential,
  address: line.address,
  request_id: line.request_id,
  operation: operationAt(line.method, line.route),
  method: line.method,
  path: line.path,
  status: line.status,
  code: codeOfGateway[line.status] ?? 'internal-error',
})

const codeOfGateway: Readonly<Record<number, string>> = {
  401: 'unauthorized',
  403: 'forbidden',
  504: 'upstream-timeout',
}

const nothing = {
  teller: null,
  line: null,
  account: null,
  role: null,
  credential: null,
  address: null,
  request_id: null,
  operation: null,
  method: null,
  path: null,
  body_sha256: null,
  status: null,
  code: null,
}

const unreadable = (id: string, bytes: Buffer): AuditEntry => {
  metrics.addMetric('AuditLinesUnreadable', MetricUnit.Count, 1)
  logger.error('an audit line could not be read', { id, bytes: bytes.length })
  return {
    ...nothing,
    id: `unreadable:${id}`,
    time: new Date().toISOString(),
    body_sha256: createHash('sha256').update(bytes).digest('hex'),
    code: 'unreadable-line',
  }
}

const deliveryOf = (data: Uint8Array): typeof logDelivery._output | undefined => {
  try {
    return logDelivery.safeParse(jsonOf(gunzipSync(data, { maxOutputLength: mostDeliveredBytes }).toString())).data
  } catch (error) {
    logger.error('a record of the audit stream is no gzip', { error: error instanceof Error ? error : String(error) })
    return undefined
  }
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const operationAt = (method: string | null, route: string | null): string | null =>
  operations.find(operation => operation.method === method && operation.path === route)?.name ?? null

/** What one process knows between two batches. */
export const makeChaining = (): ((records: readonly StreamedRecord[]) => Promise<void>) => {
  /** The hash up to which all is known to be in the archive. */
  let archived: string | undefined

  /**
   * A part that was chained just before its process ended may be missing in the archive. It is looked after before the
   * next one is chained: so at most the last one can be missing.
   */
  const archiveLast = async (head: AuditHead): Promise<void> => {
    if (head.number === 0 || archived === head.hash) return
    const { date, segmentFirst: first, number: last } = head
    const rows = await recordsOfSegment(date, { first, last })
    if (rows.length !== last - first + 1) throw new Error(`the index lacks audit records of ${date} from ${first} on`)
    await archiveSegment({ date, first, last, lines: rows.map(({ text }) => text) })
    archived = head.hash
  }

  const currentHead = async (): Promise<AuditHead> => {
    const head = await getAuditHead()
    await archiveLast(head)
    return head
  }

  /** At most `mostRecordsAtOnce` entries, all on one day; what is chained already is left out. */
  const chain = async (given: readonly AuditEntry[], from: AuditHead): Promise<AuditHead> => {
    let entries = given
    let head = from
    for (let attempt = 1; entries.length > 0; attempt++) {
      const { rows, end } = appendAll(head, entries)
      if (await appendAuditRecords(rows, head, end)) {
        const segment = { date: end.date, first: end.segmentFirst, last: end.number }
        await archiveSegment({ ...segment, lines: rows.map(({ text }) => text) })
        archived = end.hash
        metrics.addMetric('AuditRecords', MetricUnit.Count, rows.length)
        return end
      }
      if (attempt === mostAttempts) throw new Error('the audit chain is written by someone else')
      head = await currentHead()
      const known = await Promise.all(entries.map(({ id }) => isChained(id)))
      entries = entries.filter((_, at) => known[at] !== true)
    }
    return head
  }

  return async records => {
    const byId = new Map(records.flatMap(entriesOf).map(entry => [entry.id, entry]))
    const entries = [...byId.values()]
    let head = await currentHead()
    for (let at = 0; at < entries.length; at += mostRecordsAtOnce)
      head = await chain(entries.slice(at, at + mostRecordsAtOnce), head)
  }
}

const appendAll = (
  head: AuditHead,
  entries: readonly AuditEntry[],
): { readonly rows: readonly AuditRow[]; readonly end: AuditHead } => {
  const today = new Date().toISOString().slice(0, 10)
  const rows: AuditRow[] = []
  let end: AuditHead = head
  for (const entry of entries) {
    const appended = append(end, today, entry)
    const { date, number } = appended.end
    rows.push({ id: entry.id, date, number, text: appended.text })
    end = { ...appended.end, segmentFirst: rows[0]?.number ?? number }
  }
  return { rows, end }
}

export const handler = serveStream(makeChaining())

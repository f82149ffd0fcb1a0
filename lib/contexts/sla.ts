import type { Access } from '../access.ts'
import type { ContextAccess } from '../context-access.ts'

/** Windows are made of readings, kept among the measurements, and added up by month. */
const windows = (given: Access): Access =>
  given
    .table('slaContracts', 'Query')
    .table('slaReadings', 'Query')
    .table('slaMonths', 'Query', 'PutItem')
    .table('measurements', 'Query', 'PutItem')

const assessment = (given: Access): Access => given.table('slaAssessments', 'GetItem', 'PutItem')
const step = (given: Access): Access => assessment(given).table('slaContracts', 'GetItem')

export const sla: ContextAccess<'sla'> = {
  http: given =>
    given
      .identifyKeys()
      .table('accounts', 'GetItem')
      .table('slaContracts', 'GetItem', 'Query', 'PutItem')
      .table('slaReadings', 'Query', 'PutItem')
      .table('slaMonths', 'Query')
      .table('slaAssessments', 'Query')
      .table('slaPenalties', 'Query'),
  'correct-windows': windows,
  'sweep-sla': given => windows(given).table('slaAssessments', 'Query', 'PutItem').startWorkflow('sla-enforcement'),
  'collect-windows': given => step(given).table('slaMonths', 'Query').table('measurements', 'Query'),
  'assess-month': step,
  'post-penalty': given =>
    step(given).table('slaPenalties', 'Query', 'PutItem').table('measurements', 'Query', 'PutItem'),
  'credit-penalty': given =>
    step(given)
      .table('accounts', 'GetItem')
      // What the payer could withdraw.
      .table('balances', 'GetItem')
      .table('positions', 'Query')
      .index('orders', 'open-orders')
      .table('instruments', 'Query')
      .table('lanes', 'GetItem')
      .table('riskLanes', 'GetItem')
      .table('riskEpochs', 'GetItem', 'Query')
      .table('riskLimits', 'GetItem')
      .table('outcomes', 'GetItem')
      .putOrders(),
  'announce-penalty': given => step(given).table('slaPenalties', 'Query').putEvents(),
  'fail-enforcement': assessment,
}

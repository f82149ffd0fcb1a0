import { Stage, Tags } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { pascalCase } from '#protocol/functions.ts'
import { type Context, contexts } from '#protocol/operation.ts'
import { ApiPathsStack } from './api-paths-stack.ts'
import { ApiStack } from './api-stack.ts'
import type { Bundles } from './bundles.ts'
import { ContextStack } from './context-stack.ts'
import { DashboardStack } from './dashboard-stack.ts'
import { DataStack } from './data-stack.ts'
import { MatcherStack } from './matcher-stack.ts'
import type { Tenant } from './tenant.ts'
import { WorkflowStack } from './workflow-stack.ts'

/** All of one tenant's exchange, in one account and region. What is referred to comes first, and nothing refers back. */
export class TenantStage extends Stage {
  constructor(
    scope: Construct,
    props: {
      readonly tenant: Tenant
      readonly bundles: Bundles /** Of the ASL documents. */
      readonly definitions: string
    },
  ) {
    const { tenant, bundles, definitions } = props
    const { account, region } = tenant
    super(scope, pascalCase(tenant.name), {
      stageName: `exchange-${tenant.name}`,
      env: { region, ...(account === undefined ? {} : { account }) },
    })
    const data = new DataStack(this, 'Data', { tenant, description: 'Compute exchange: what it keeps' })
    const surroundings = { tenant, data, bundles }
    const ofCapacity: readonly Context[] = ['partners', 'capacity']
    const capacityWorkflow = new WorkflowStack(this, 'CapacityWorkflow', {
      ...surroundings,
      definitions,
      title: 'Workflows of partners and capacity',
      contexts: ofCapacity,
      description: 'Compute exchange: workflows of partners and capacity, and their tasks',
    })
    const workflow = new WorkflowStack(this, 'Workflow', {
      ...surroundings,
      definitions,
      title: 'Workflows',
      contexts: contexts.filter(context => !ofCapacity.includes(context)),
      others: capacityWorkflow,
      description: 'Compute exchange: workflows and their tasks',
    })
    const contextStack = (context: Context) =>
      new ContextStack(this, pascalCase(context), {
        ...surroundings,
        context,
        workflows: name => (workflow.machines.has(name) ? workflow : capacityWorkflow).arnOf(name),
        description: `Compute exchange: ${context}`,
      })
    const trading = contextStack('trading')
    const reference = contextStack('reference')
    const ledger = contextStack('ledger')
    const security = contextStack('security')
    const marketMaking = contextStack('market-making')
    const supervision = contextStack('supervision')
    const indices = contextStack('indices')
    const pricing = contextStack('pricing')
    const settlement = contextStack('settlement')
    const risk = contextStack('risk')
    const sla = contextStack('sla')
    const dayAhead = contextStack('day-ahead')
    const delivery = contextStack('delivery')
    const partners = contextStack('partners')
    const capacity = contextStack('capacity')
    const platform = contextStack('platform')
    const matcher = new MatcherStack(this, 'Matcher', {
      ...surroundings,
      description: 'Compute exchange: the matchers',
    })
    const paths = new ApiPathsStack(this, 'ApiPaths', {
      tenant,
      description: 'Compute exchange: the paths of the HTTP API',
    })
    const api = new ApiStack(this, 'Api', {
      ...surroundings,
      api: paths.api,
      httpFunctions: {
        trading: trading.httpFunction,
        reference: reference.httpFunction,
        ledger: ledger.httpFunction,
        security: security.httpFunction,
        'market-making': marketMaking.httpFunction,
        supervision: supervision.httpFunction,
        indices: indices.httpFunction,
        pricing: pricing.httpFunction,
        settlement: settlement.httpFunction,
        risk: risk.httpFunction,
        sla: sla.httpFunction,
        'day-ahead': dayAhead.httpFunction,
        delivery: delivery.httpFunction,
        partners: partners.httpFunction,
        capacity: capacity.httpFunction,
        platform: platform.httpFunction,
      },
      description: 'Compute exchange: the HTTP API',
    })
    new DashboardStack(this, 'Dashboard', {
      tenant,
      rows: [
        api.row,
        matcher.row,
        workflow.row,
        capacityWorkflow.row,
        trading.row,
        marketMaking.row,
        ledger.row,
        reference.row,
        supervision.row,
        indices.row,
        pricing.row,
        settlement.row,
        risk.row,
        sla.row,
        dayAhead.row,
        delivery.row,
        partners.row,
        capacity.row,
        security.row,
        platform.row,
      ],
      description: 'Compute exchange: the dashboard',
    })
    Tags.of(this).add('application', 'compute-exchange')
    Tags.of(this).add('tenant', tenant.name)
  }
}

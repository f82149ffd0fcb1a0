import { GraphWidget, type IMetric, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import { DefinitionBody, LogLevel, StateMachine, StateMachineType } from 'aws-cdk-lib/aws-stepfunctions'
import { Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { pascalCase, tasks, workflows } from '#protocol/functions.ts'
import type { Context } from '#protocol/operation.ts'
import { access, callerOf } from './access.ts'
import { alarm } from './alarms.ts'
import { grantOf } from './context-access.ts'
import { contextAccess } from './contexts/all.ts'
import { exchangeFunction, type Surroundings } from './functions.ts'
import { publishedMetric } from './published-metrics.ts'
import { acknowledge } from './rules.ts'
import { workflowRunbooks } from './watched.ts'

/** What takes more than a task usually does: two solve integer programmes, where memory is also processor, and the others wait for many answers. */
const largeTasks: Readonly<Record<string, { readonly megabytes?: number; readonly timeoutSeconds: number }>> = {
  'clear-day': { megabytes: 3_008, timeoutSeconds: 900 },
  'make-capacity-plan': { megabytes: 3_008, timeoutSeconds: 300 },
  'close-gate': { timeoutSeconds: 60 },
  'collect-bids': { timeoutSeconds: 60 },
  'list-hours': { timeoutSeconds: 60 },
  'award-lots': { timeoutSeconds: 60 },
  'release-bids': { timeoutSeconds: 60 },
}

/** The workflows of stepfunctions/ and the functions that are their tasks. */
export class WorkflowStack extends Stack {
  readonly machines: ReadonlyMap<string, StateMachine>
  readonly row: IWidget[]

  constructor(
    scope: Construct,
    id: string,
    props: StackProps &
      Surroundings & {
        /** Folder of the ASL documents. */
        readonly definitions: string
        /** Whose workflows they are: those of all contexts are more than one stack takes. */
        readonly contexts: readonly Context[]
        /** Whose workflows those of this stack may start; nothing of it refers back. */
        readonly others?: WorkflowStack
        /** Above its figures. */
        readonly title: string
      },
  ) {
    super(scope, id, props)
    this.row = [new TextWidget({ markdown: `## ${props.title}`, width: 24, height: 1 })]
    this.machines = new Map(
      workflows
        .filter(({ context }) => props.contexts.includes(context))
        .map(({ name }) => [name, this.makeMachine(name, props)]),
    )
  }

  arnOf(workflow: string): string {
    const machine = this.machines.get(workflow)
    if (machine === undefined) throw new Error(`there is no workflow ${workflow}`)
    return machine.stateMachineArn
  }

  private makeMachine(
    workflow: (typeof workflows)[number]['name'],
    props: Surroundings & { readonly definitions: string; readonly others?: WorkflowStack },
  ): StateMachine {
    const { data, tenant, others } = props
    const arnOf = (name: string): string => (others?.machines.has(name) ? others : this).arnOf(name)
    const id = pascalCase(workflow)
    const called = tasks
      .filter(task => task.workflow === workflow)
      .map(({ name, context }) => {
        const lambda = exchangeFunction(this, props, {
          context,
          name,
          bundle: name,
          megabytes: largeTasks[name]?.megabytes ?? tenant.sizes.taskMegabytes,
          timeoutSeconds: largeTasks[name]?.timeoutSeconds ?? 20,
          description: `A task of ${workflow}`,
        })
        grantOf(contextAccess[context], name)(access(callerOf(lambda), data, arnOf))
        return { placeholder: pascalCase(name), context, lambda }
      })
    const machine = new StateMachine(this, `${id}Workflow`, {
      stateMachineType: StateMachineType.STANDARD,
      definitionBody: DefinitionBody.fromFile(`${props.definitions}/${workflow}.asl.json`),
      definitionSubstitutions: Object.fromEntries(
        called.map(({ placeholder, lambda }) => [placeholder, lambda.functionArn]),
      ),
      logs: {
        level: LogLevel.ALL,
        includeExecutionData: true,
        destination: new LogGroup(this, `${id}Logs`, {
          // A name of this form is permitted as a whole, so that many workflows do not fill the account's log policy.
          logGroupName: `/aws/vendedlogs/states/${tenant.name}-${workflow}`,
          retention: tenant.retention.logDays,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      },
      tracingEnabled: false,
    })
    acknowledge(
      machine,
      'SF2',
      'Executions, logs and metrics carry the ids that connect them; X-Ray would add a second set',
    )
    acknowledge(
      machine,
      'IAM5[Resource::*]',
      'The delivery of logs is granted for all resources: it knows no narrower one',
    )
    machine.addToRolePolicy(
      new PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: called.map(({ lambda }) => lambda.functionArn),
      }),
    )
    const runbook = workflowRunbooks[workflow]
    alarm(machine, 'Failures', data.alarmTopic, {
      metric: machine.metricFailed({ period: Duration.minutes(5) }),
      threshold: 1,
      runbook,
      says: `An execution of ${workflow} failed`,
    })
    // One that ran out of time is not among those that failed.
    alarm(machine, 'Timeouts', data.alarmTopic, {
      metric: machine.metricTimedOut({ period: Duration.minutes(5) }),
      threshold: 1,
      runbook,
      says: `An execution of ${workflow} ran out of time`,
    })
    const period = Duration.minutes(1)
    const graph = (title: string, left: IMetric[]) =>
      new GraphWidget({ title: `${workflow}: ${title}`, left, width: 8, height: 6 })
    this.row.push(
      graph('started, succeeded, failed', [
        machine.metricStarted({ period }),
        machine.metricSucceeded({ period }),
        machine.metricFailed({ period }),
        machine.metricTimedOut({ period }),
      ]),
      graph('time p99', [machine.metricTime({ period, statistic: 'p99' })]),
      graph(
        'rejected by task',
        called.map(({ lambda, context }) =>
          publishedMetric(
            'task',
            'Rejected',
            { service: context, function: lambda.functionName },
            { statistic: 'sum', period, label: lambda.node.id },
          ),
        ),
      ),
    )
    return machine
  }
}

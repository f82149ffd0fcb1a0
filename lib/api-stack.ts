import {
  AccessLogFormat,
  Stage as ApiStage,
  AuthorizationType,
  AwsIntegration,
  Deployment,
  DomainName,
  EndpointType,
  type IAuthorizer,
  IdentitySource,
  type Integration,
  type IRestApi,
  LogGroupLogDestination,
  Method,
  MethodLoggingLevel,
  type MethodOptions,
  RequestAuthorizer,
  type RestApi,
  SecurityPolicy,
  UsagePlan,
} from 'aws-cdk-lib/aws-apigateway'
import { Certificate, CertificateValidation, type ICertificate } from 'aws-cdk-lib/aws-certificatemanager'
import { GraphWidget, type IWidget, TextWidget } from 'aws-cdk-lib/aws-cloudwatch'
import { CfnPermission, type Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda'
import { type ILogGroup, LogGroup } from 'aws-cdk-lib/aws-logs'
import { ARecord, HostedZone, type IHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53'
import { ApiGatewayDomain } from 'aws-cdk-lib/aws-route53-targets'
import { CfnWebACL, CfnWebACLAssociation } from 'aws-cdk-lib/aws-wafv2'
import {
  CfnCondition,
  CfnOutput,
  CfnParameter,
  Duration,
  Fn,
  RemovalPolicy,
  Stack,
  type StackProps,
} from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { auditLinePattern, gatewayAnswerPattern } from '#protocol/audit.ts'
import { type Context, contexts } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { access, callerOf } from './access.ts'
import { alarm } from './alarms.ts'
import { subscribeAudit } from './audit-lines.ts'
import { authorizerBundle } from './bundles.ts'
import { platform } from './contexts/platform.ts'
import { exchangeFunction, type Surroundings } from './functions.ts'
import { gatewayResponses } from './gateway-responses.ts'
import { acknowledge } from './rules.ts'
import type { Tenant } from './tenant.ts'

const stageName = 'live'

/** One line a request: who, what, how it ended, how long it took, and the id that the caller was given. */
const accessLogFields = {
  request_id: '$context.requestId',
  /** A client can choose the one above, not this one. */
  extended_request_id: '$context.extendedRequestId',
  time: '$context.requestTimeEpoch',
  account: '$context.authorizer.account',
  role: '$context.authorizer.role',
  credential: '$context.authorizer.credential',
  address: '$context.identity.sourceIp',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  path: '$context.path',
  status: '$context.status',
  response_type: '$context.error.responseType',
  response_bytes: '$context.responseLength',
  latency_millis: '$context.responseLatency',
  integration_millis: '$context.integrationLatency',
  integration_status: '$context.integrationStatus',
  authorizer_status: '$context.authorizer.status',
  /** Only where the authorizer was asked for this very request. */
  authorizer_request_id: '$context.authorizer.requestId',
}

/** The door: every route explicit, each context's function behind its own. */
export class ApiStack extends Stack {
  readonly api: RestApi
  readonly row: IWidget[]

  constructor(
    scope: Construct,
    id: string,
    props: StackProps &
      Surroundings & { readonly api: RestApi; readonly httpFunctions: Readonly<Record<Context, LambdaFunction>> },
  ) {
    super(scope, id, props)
    const { tenant, data, httpFunctions } = props
    const { domain } = tenant
    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: tenant.retention.logDays,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    subscribeAudit(this, 'GatewayAuditLines', { data, logGroup: accessLog as ILogGroup, pattern: gatewayAnswerPattern })
    const zone =
      domain !== undefined && 'hostedZoneId' in domain
        ? HostedZone.fromHostedZoneAttributes(this, 'Zone', {
            hostedZoneId: domain.hostedZoneId,
            zoneName: domain.hostedZoneName,
          })
        : undefined
    this.api = props.api
    this.api.deploymentStage = new ApiStage(this, 'Stage', {
      deployment: this.makeDeployment(),
      stageName,
      throttlingRateLimit: tenant.sizes.requestsPerSecond,
      throttlingBurstLimit: tenant.sizes.requestBurst,
      metricsEnabled: true,
      loggingLevel: MethodLoggingLevel.ERROR,
      dataTraceEnabled: false,
      tracingEnabled: false,
      accessLogDestination: new LogGroupLogDestination(accessLog),
      accessLogFormat: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
    })
    this.limitByAddress(tenant)
    this.makeRoutes(this.makeAuthorizer(props), httpFunctions)
    new UsagePlan(this, 'UsagePlan', {
      description: 'A hint to clients: the stage throttles too',
      throttle: { rateLimit: tenant.sizes.requestsPerSecond, burstLimit: tenant.sizes.requestBurst },
      apiStages: [{ api: this.api as IRestApi, stage: this.api.deploymentStage }],
    })
    if (domain !== undefined) {
      const domainName = new DomainName(this, 'DomainName', {
        domainName: domain.name,
        certificate: this.certificate(domain, zone),
        endpointType: EndpointType.REGIONAL,
        securityPolicy: SecurityPolicy.TLS_1_2,
      })
      domainName.addBasePathMapping(this.api as IRestApi, { stage: this.api.deploymentStage })
      const target = RecordTarget.fromAlias(new ApiGatewayDomain(domainName))
      if (zone !== undefined) new ARecord(this, 'Alias', { zone, recordName: domain.name, target })
    }
    alarm(this, 'ServerErrors', data.alarmTopic, {
      metric: this.api.metricServerError({ period: Duration.minutes(1), statistic: 'sum' }),
      threshold: 5,
      periods: 2,
      runbook: 'api-errors',
      says: 'The API answers with 5xx',
    })
    this.row = this.makeRow()
    new CfnOutput(this, 'Url', { value: domain === undefined ? this.api.url : `https://${domain.name}/` })
  }

  private certificate(domain: NonNullable<Tenant['domain']>, zone: IHostedZone | undefined): ICertificate {
    if ('certificateArn' in domain) return Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn)
    return new Certificate(this, 'Certificate', {
      domainName: domain.name,
      ...(zone === undefined ? {} : { validation: CertificateValidation.fromDns(zone) }),
    })
  }

  /** Another one with each change of what is deployed; methods are added to it as they are made. */
  private makeDeployment(): Deployment {
    const deployment = new Deployment(this, 'Deployment', { api: this.api as IRestApi })
    deployment.addToLogicalId({
      operations: operations.map(({ method, path, permission, context }) => [method, path, permission, context]),
      gatewayResponses: gatewayResponses.map(({ type, ...response }) => [type.responseType, response]),
    })
    return deployment
  }

  /** The outermost ring: one address cannot take the whole of the tenant's rate. */
  private limitByAddress(tenant: Tenant): void {
    const visibility = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName,
      sampledRequestsEnabled: false,
    })
    const acl = new CfnWebACL(this, 'WebAcl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: visibility('WebAcl'),
      rules: [
        {
          name: 'rate-by-address',
          priority: 0,
          action: { block: {} },
          visibilityConfig: visibility('RateByAddress'),
          statement: {
            rateBasedStatement: {
              aggregateKeyType: 'IP',
              evaluationWindowSec: 60,
              limit: tenant.sizes.requestsPerSecond * 60,
            },
          },
        },
      ],
    })
    new CfnWebACLAssociation(this, 'WebAclAssociation', {
      webAclArn: acl.attrArn,
      resourceArn: this.api.deploymentStage.stageArn,
    })
  }

  private makeAuthorizer(props: Surroundings): IAuthorizer {
    const { tenant, data } = props
    const { identity } = tenant
    // The local run names its own issuer here; a user pool's name is known only once it is there.
    const given = new CfnParameter(this, 'TokenIssuers', {
      type: 'String',
      default: 'issuers' in identity ? JSON.stringify(identity.issuers) : '',
      description: 'JSON: the issuers whose tokens are accepted',
    })
    const handler = exchangeFunction(this, props, {
      context: 'platform',
      name: 'authorize',
      bundle: authorizerBundle,
      megabytes: tenant.sizes.httpMegabytes,
      timeoutSeconds: 10,
      description: 'Verifies credentials',
      environment: { TOKEN_ISSUERS: this.issuers(given, data.userDirectory?.issuers()) },
    })
    subscribeAudit(this, 'AuthorizeAuditLines', { data, logGroup: handler.logGroup, pattern: auditLinePattern })
    platform.authorize(access(callerOf(handler), data))
    return new RequestAuthorizer(this, 'Authorizer', {
      handler,
      identitySources: [IdentitySource.header('Authorization')],
      resultsCacheTtl: Duration.minutes(5),
    })
  }

  private issuers(given: CfnParameter, userPool: string | undefined): string {
    if (userPool === undefined) return given.valueAsString
    const named = new CfnCondition(this, 'IssuersNamed', {
      expression: Fn.conditionNot(Fn.conditionEquals(given.valueAsString, '')),
    })
    return Fn.conditionIf(named.logicalId, given.valueAsString, userPool).toString()
  }

  private makeRoutes(authorizer: IAuthorizer, httpFunctions: Readonly<Record<Context, LambdaFunction>>): void {
    const answeredPaths = new Set<string>()
    for (const context of contexts) {
      const { functionArn } = httpFunctions[context]
      // One for the function, not one for each method: a function's policy takes 20 KB.
      new CfnPermission(this, `${context}Permission`, {
        action: 'lambda:InvokeFunction',
        principal: 'apigateway.amazonaws.com',
        functionName: functionArn,
        sourceArn: this.api.arnForExecuteApi('*', '/*', stageName),
      })
      const integration = new AwsIntegration({
        service: 'lambda',
        path: `2015-03-31/functions/${functionArn}/invocations`,
        proxy: true,
        options: { timeout: Duration.seconds(29) },
      })
      for (const operation of operations.filter(each => each.context === context)) {
        const method = this.route(operation.path, operation.method, integration, {
          operationName: operation.name,
          ...(operation.permission === 'public'
            ? { authorizationType: AuthorizationType.NONE }
            : { authorizer, authorizationType: AuthorizationType.CUSTOM }),
        })
        acknowledge(
          method,
          'COG4',
          'The issuers are the tenant\u2019s own: one authorizer verifies them all, Cognito too',
        )
        if (operation.permission === 'public') {
          acknowledge(
            method,
            'APIG4',
            'Says nothing about any account: health, figures of the whole lane, documentation',
          )
        }
        if (answeredPaths.has(operation.path)) continue
        answeredPaths.add(operation.path)
        // By itself API Gateway has no 405. A mock could give one, but fails on bodies that it has no template for.
        const others = this.route(operation.path, 'ANY', integration, { authorizationType: AuthorizationType.NONE })
        acknowledge(others, 'APIG4', 'Answers 405 with the methods that there are, whoever asks')
        acknowledge(others, 'COG4', 'Answers 405 with the methods that there are, whoever asks')
      }
    }
  }

  private route(path: string, httpMethod: string, integration: Integration, options: MethodOptions): Method {
    const resource = this.api.root.resourceForPath(path)
    return new Method(this, `${httpMethod} ${path}`, { resource, httpMethod, integration, options })
  }

  private makeRow(): IWidget[] {
    const period = Duration.minutes(1)
    return [
      new TextWidget({ markdown: '## API', width: 24, height: 1 }),
      new GraphWidget({ title: 'Requests', left: [this.api.metricCount({ period })], width: 8, height: 6 }),
      new GraphWidget({
        title: 'Refused and failed',
        left: [this.api.metricClientError({ period }), this.api.metricServerError({ period })],
        width: 8,
        height: 6,
      }),
      new GraphWidget({
        title: 'Latency',
        left: ['p50', 'p99'].map(statistic => this.api.metricLatency({ period, statistic, label: statistic })),
        width: 8,
        height: 6,
      }),
    ]
  }
}

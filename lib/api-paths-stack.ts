import { CfnRestApi, EndpointType, RestApi } from 'aws-cdk-lib/aws-apigateway'
import { RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib/core'
import type { Construct } from 'constructs'
import { operations } from '#protocol/operations/registry.ts'
import { gatewayResponses } from './gateway-responses.ts'
import { acknowledge } from './rules.ts'
import type { Tenant } from './tenant.ts'

/**
 * The REST API with its paths, and what it says by itself. Methods and stage are of the API's own stack: in one they would be
 * more than the 500 resources that CloudFormation takes.
 */
export class ApiPathsStack extends Stack {
  readonly api: RestApi

  constructor(scope: Construct, id: string, props: StackProps & { readonly tenant: Tenant }) {
    super(scope, id, props)
    const { tenant } = props
    this.api = new RestApi(this, 'Api', {
      restApiName: `compute-exchange-${tenant.name}`,
      description: `The exchange of ${tenant.name}`,
      endpointTypes: [EndpointType.REGIONAL],
      // A fresh account has no role by which API Gateway may write logs: this stack owns it.
      cloudWatchRole: true,
      cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN,
      disableExecuteApiEndpoint: tenant.domain !== undefined,
      deploy: false,
    })
    this.requireTls12()
    acknowledge(this.api, 'APIG2', 'The function validates by the schemas of protocol/operations and names each field')
    acknowledge(
      this.api,
      'IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
      'API Gateway accepts an account role only with this policy',
    )
    for (const response of gatewayResponses) this.api.addGatewayResponse(`${response.type.responseType}`, response)
    for (const { path } of operations) this.api.root.resourceForPath(path)
  }

  /** Without it API Gateway's own name would still take TLS 1.0. */
  private requireTls12(): void {
    const resource = this.api.node.defaultChild
    if (!(resource instanceof CfnRestApi)) throw new Error('the REST API is not made by CloudFormation')
    resource.securityPolicy = 'SecurityPolicy_TLS13_1_2_2021_06'
    resource.endpointAccessMode = 'STRICT'
  }
}

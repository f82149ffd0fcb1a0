import {
  ClientAttributes,
  FeaturePlan,
  Mfa,
  StringAttribute,
  UserPool,
  type UserPoolClient,
} from 'aws-cdk-lib/aws-cognito'
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core'
import { Construct } from 'constructs'
import { acknowledge } from './rules.ts'

/** Cognito for a tenant that brings no identity provider: account and role are attributes of the user. */
export class UserDirectory extends Construct {
  private readonly pool: UserPool
  private readonly client: UserPoolClient

  constructor(scope: Construct, id: string) {
    super(scope, id)
    this.pool = new UserPool(this, 'Users', {
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      mfa: Mfa.REQUIRED,
      mfaSecondFactor: { sms: false, otp: true },
      passwordPolicy: {
        minLength: 14,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      customAttributes: {
        account: new StringAttribute({ minLen: 1, maxLen: 64, mutable: false }),
        role: new StringAttribute({ minLen: 1, maxLen: 32, mutable: true }),
      },
      featurePlan: FeaturePlan.ESSENTIALS,
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    acknowledge(this.pool, 'COG8', 'Every sign-in takes a second factor; threat protection is priced by the user')
    this.client = this.pool.addClient('Traders', {
      authFlows: { userSrp: true },
      disableOAuth: true,
      // Whoever could write these two could trade for anyone: operators set them, users do not.
      writeAttributes: new ClientAttributes().withStandardAttributes({ email: true }),
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      idTokenValidity: Duration.hours(1),
      accessTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.days(1),
    })
  }

  /**
   * For the authorizer, in the same form as a tenant's own issuers. The id token carries both claims; an access token only
   * where the tenant has Cognito add them.
   */
  issuers(): string {
    return Stack.of(this).toJsonString([
      {
        issuer: this.pool.userPoolProviderUrl,
        audience: this.client.userPoolClientId,
        algorithms: ['RS256'],
        cognito: true,
        accountClaim: 'custom:account',
        roleClaim: 'custom:role',
      },
    ])
  }
}

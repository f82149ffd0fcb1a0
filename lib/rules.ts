import { Validations } from 'aws-cdk-lib/core'
import type { IConstruct } from 'constructs'

/** A rule of AwsSolutions that does not hold for the construct and what is in it, by intent. */
export const acknowledge = (construct: IConstruct, rule: string, reason: string): void =>
  Validations.of(construct).acknowledge({ id: `AwsSolutions::AwsSolutions-${rule}`, reason })

import { describe, expect, test } from '@jest/globals'
import type { Json, Stack, Template } from '#local/assembly.ts'
import { resolveResources } from '#local/intrinsics.ts'

function stack(name: string, template: Template): Stack {
  return { name, account: '123456789012', region: 'eu-central-1', template, assets: new Map() }
}

const target = { Type: 'AWS::Kinesis::Stream', Properties: { Name: 'orders' } }

/** What `value` becomes as a property of a queue, beside the stream `Orders` and whatever else the template holds. */
function resolved(value: Json, template: Template = {}, parameters: Record<string, string> = {}): unknown {
  const Resources = {
    Orders: target,
    Queue: { Type: 'AWS::SQS::Queue', Properties: { RedrivePolicy: value } },
    ...template.Resources,
  }
  const resources = resolveResources([stack('S', { ...template, Resources })], {
    parameters,
    queueEndpoint: 'http://127.0.0.1:1',
  })
  return resources.find(({ logicalId }) => logicalId === 'Queue')?.properties['RedrivePolicy']
}

describe('intrinsic functions', () => {
  test.each<[string, Json, unknown]>([
    ['Ref of a resource', { Ref: 'Orders' }, 'orders'],
    ['Ref of a pseudo parameter', { Ref: 'AWS::Region' }, 'eu-central-1'],
    ['GetAtt', { 'Fn::GetAtt': ['Orders', 'Arn'] }, 'arn:aws:kinesis:eu-central-1:123456789012:stream/orders'],
    ['GetAtt with a dot', { 'Fn::GetAtt': 'Orders.Arn' }, 'arn:aws:kinesis:eu-central-1:123456789012:stream/orders'],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'Orders' }]] }, 'a-orders'],
    ['Select of Split', { 'Fn::Select': [1, { 'Fn::Split': ['/', { 'Fn::GetAtt': ['Orders', 'Arn'] }] }] }, 'orders'],
    [
      'Sub',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
      { 'Fn::Sub': '${AWS::AccountId}/${Orders}/${Orders.Arn}/${!Literal}' },
      // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
      '123456789012/orders/arn:aws:kinesis:eu-central-1:123456789012:stream/orders/${Literal}',
    ],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: CloudFormation's own placeholders
    ['Sub with values', { 'Fn::Sub': ['${Name}!', { Name: { Ref: 'Orders' } }] }, 'orders!'],
    ['GetAZs', { 'Fn::GetAZs': '' }, ['eu-central-1a', 'eu-central-1b', 'eu-central-1c']],
    ['Base64', { 'Fn::Base64': 'hello' }, 'aGVsbG8='],
    ['NoValue in an object', { kept: 1, gone: { Ref: 'AWS::NoValue' } }, { kept: 1 }],
    ['NoValue in a list', ['kept', { Ref: 'AWS::NoValue' }], ['kept']],
  ])('%s', (_, value, expected) => expect(resolved(value)).toEqual(expected))

  test('conditions choose values and leave resources out', () => {
    const template: Template = {
      Parameters: { Size: { Type: 'String', Default: 'small' } },
      Conditions: {
        Big: { 'Fn::Equals': [{ Ref: 'Size' }, 'big'] },
        BigHere: {
          'Fn::And': [{ Condition: 'Big' }, { 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'x'] }] }],
        },
      },
      Resources: { Extra: { ...target, Condition: 'BigHere' } },
    }
    const value: Json = { 'Fn::If': ['Big', { Ref: 'Extra' }, 'none'] }
    expect(resolved(value, template)).toBe('none')
    expect(resolved(value, template, { Size: 'big' })).toBe('orders')
  })

  test('maps and list parameters', () => {
    expect(
      resolved(
        { 'Fn::FindInMap': ['M', { Ref: 'AWS::Region' }, 'key'] },
        { Mappings: { M: { 'eu-central-1': { key: 7 } } } },
      ),
    ).toBe(7)
    expect(
      resolved({ Ref: 'Zones' }, { Parameters: { Zones: { Type: 'CommaDelimitedList' } } }, { Zones: 'a,b' }),
    ).toEqual(['a', 'b'])
  })

  test('a value crosses stacks by export and import', () => {
    const producer = stack('Data', {
      Resources: { Orders: { Type: 'AWS::DynamoDB::GlobalTable' } },
      Outputs: {
        Name: {
          Value: { Ref: 'Orders' },
          Export: { Name: { 'Fn::Join': [':', [{ Ref: 'AWS::StackName' }, 'orders']] } },
        },
      },
    })
    const consumer = stack('Api', {
      Resources: {
        Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::ImportValue': 'Data:orders' } } },
      },
    })
    const resources = resolveResources([consumer, producer], { parameters: {}, queueEndpoint: 'http://q' })
    expect(resources.map(({ physicalId }) => physicalId)).toEqual(['http://q/123456789012/Data-Orders', 'Data-Orders'])
  })

  test('what was learnt once a resource existed takes precedence', () => {
    const arn = 'arn:aws:dynamodb:eu-central-1:1:table/T'
    const learnt = new Map([['S/T', { attributes: { StreamArn: `${arn}/stream/today` } }]])
    const Resources = {
      T: { Type: 'AWS::DynamoDB::Table', Properties: { TableName: 'T' } },
      M: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: { EventSourceArn: { 'Fn::GetAtt': ['T', 'StreamArn'] } },
      },
    }
    const [, mapping] = resolveResources([stack('S', { Resources })], { parameters: {}, queueEndpoint: '', learnt })
    expect(mapping?.properties).toEqual({ EventSourceArn: `${arn}/stream/today` })
  })

  test('names that the template does not give are made from stack and logical id, as short as the service asks', () => {
    const long = 'L'.repeat(80)
    const Resources = { [long]: { Type: 'AWS::Lambda::Function' }, Bucket: { Type: 'AWS::S3::Bucket' } }
    const [lambda, bucket] = resolveResources([stack('S', { Resources })], { parameters: {}, queueEndpoint: '' })
    expect(lambda?.physicalId).toMatch(/^S-L{53}-[0-9a-f]{8}$/)
    expect(bucket?.physicalId).toBe('s-bucket')
  })

  test.each<[string, Json, Template, Record<string, string>, string]>([
    ['an unknown function', { 'Fn::Cidr': [] }, {}, {}, 'S: Fn::Cidr is not known to the local runtime'],
    [
      'an unknown attribute',
      { 'Fn::GetAtt': ['Orders', 'Weight'] },
      {},
      {},
      'S: Fn::GetAtt Orders.Weight is not known',
    ],
    ['a missing resource', { Ref: 'Nowhere' }, {}, {}, 'S: there is no resource Nowhere'],
    ['a missing export', { 'Fn::ImportValue': 'nothing' }, {}, {}, 'no stack exports nothing'],
    [
      'a parameter without value',
      { Ref: 'P' },
      { Parameters: { P: { Type: 'String' } } },
      {},
      'the parameter P has no default',
    ],
    ['a parameter nobody declares', 'x', {}, { Q: '1' }, 'no stack declares the parameter Q'],
    ['a secret', '{{resolve:secretsmanager:x}}', {}, {}, 'cannot be resolved by the local runtime'],
  ])('%s is named', (_, value, template, parameters, message) => {
    expect(() => resolved(value, template, parameters)).toThrow(message)
  })
})

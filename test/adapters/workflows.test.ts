import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskFailureCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { completeTask, failTask, startWorkflow } from '#adapters/workflows.ts'
import { workflowEnvironmentVariable } from '#protocol/functions.ts'

const mock = mockClient(SFNClient)
process.env[workflowEnvironmentVariable('open-account')] = 'test-arn'
process.env['AWS_REGION'] = 'eu-central-1'
beforeEach(() => {
  mock.reset()
})

describe('a workflow', () => {
  test('is started once for each name', async () => {
    mock
      .on(StartExecutionCommand)
      .resolvesOnce({})
      .rejectsOnce(new ExecutionAlreadyExists({ message: 'there', $metadata: {} }))
      .rejects(new Error('out of reach'))
    expect(await startWorkflow('open-account', 'name', { account: 'acme' })).toBe(true)
    expect(await startWorkflow('open-account', 'name', { account: 'acme' })).toBe(false)
    await expect(startWorkflow('open-account', 'name', {})).rejects.toThrow('out of reach')
    expect(mock.commandCalls(StartExecutionCommand)[0]?.args[0].input).toEqual({
      stateMachineArn: 'test-arn',
      name: 'name',
      input: '{"account":"acme"}',
    })
  })

  test('is told the outcome of its step, as long as it waits for it', async () => {
    mock
      .on(SendTaskSuccessCommand)
      .resolvesOnce({})
      .rejectsOnce(new TaskTimedOut({ message: 'late', $metadata: {} }))
      .rejectsOnce(new InvalidToken({ message: 'what', $metadata: {} }))
      .rejects(new Error('out of reach'))
    const answer = () => completeTask('token', { done: 1 })
    expect([await answer(), await answer(), await answer()]).toEqual([true, false, false])
    await expect(answer()).rejects.toThrow('out of reach')
    mock
      .on(SendTaskFailureCommand)
      .resolvesOnce({})
      .rejects(new TaskDoesNotExist({ message: 'gone', $metadata: {} }))
    expect(await failTask('token', 'account-limit', 'full')).toBe(true)
    expect(await failTask('token', 'account-limit', 'full')).toBe(false)
    expect(mock.commandCalls(SendTaskFailureCommand)[0]?.args[0].input).toEqual({
      taskToken: 'token',
      error: 'account-limit',
      cause: 'full',
    })
  })
})

import {
  ExecutionAlreadyExists,
  InvalidToken,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from '@aws-sdk/client-sfn'
import { workflowEnvironmentVariable, type workflows } from '#protocol/functions.ts'
import { sfn } from './clients/sfn.ts'
import { required } from './environment.ts'

type WorkflowName = (typeof workflows)[number]['name']

/** Starts it once for each name; false where it was started before. */
export const startWorkflow = async (workflow: WorkflowName, name: string, input: unknown): Promise<boolean> => {
  try {
    await sfn().send(
      new StartExecutionCommand({
        stateMachineArn: required(workflowEnvironmentVariable(workflow)),
        name,
        input: JSON.stringify(input),
      }),
    )
    return true
  } catch (error) {
    if (error instanceof ExecutionAlreadyExists) return false
    throw error
  }
}

/** False where nobody waits with this token (any more). */
export const completeTask = (taskToken: string, output: unknown): Promise<boolean> =>
  unlessStale(() => sfn().send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) })))

/** As completeTask; the workflow may catch or retry the error by its name. */
export const failTask = (taskToken: string, error: string, cause: string): Promise<boolean> =>
  unlessStale(() => sfn().send(new SendTaskFailureCommand({ taskToken, error, cause })))

/** That it is being worked on; false where nobody waits with this token (any more). */
export const heartbeatTask = (taskToken: string): Promise<boolean> =>
  unlessStale(() => sfn().send(new SendTaskHeartbeatCommand({ taskToken })))

const unlessStale = async (answer: () => Promise<unknown>): Promise<boolean> => {
  try {
    await answer()
    return true
  } catch (error) {
    if (error instanceof TaskTimedOut || error instanceof TaskDoesNotExist || error instanceof InvalidToken)
      return false
    throw error
  }
}

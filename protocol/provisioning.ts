/** What the provisioning service is asked, one after the other; `release` by an event of its own. */
export const provisioningSteps = ['reserve', 'provision', 'meter', 'release'] as const
export type ProvisioningStep = (typeof provisioningSteps)[number]

/** What it may say, beside a heartbeat. */
export const provisioningOutcomes = ['succeeded', 'failed', 'metered', 'released'] as const
export type ProvisioningOutcome = (typeof provisioningOutcomes)[number]

/** Which of them answer what. */
export const outcomesOfStep: Readonly<Record<ProvisioningStep, readonly ProvisioningOutcome[]>> = {
  reserve: ['succeeded', 'failed'],
  provision: ['succeeded', 'failed'],
  meter: ['metered'],
  release: ['released'],
}

/** How long the workflow waits for an answer, and between heartbeats: as in stepfunctions/physical-settlement.asl.json. */
export const provisioningLimits: Readonly<
  Record<ProvisioningStep, { readonly answerSeconds: number; readonly heartbeatSeconds: number | null }>
> = {
  reserve: { answerSeconds: 600, heartbeatSeconds: null },
  provision: { answerSeconds: 3_600, heartbeatSeconds: 120 },
  meter: { answerSeconds: 600, heartbeatSeconds: null },
  release: { answerSeconds: 300, heartbeatSeconds: null },
}

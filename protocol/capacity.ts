/** Of a plan of all open requests: being made, its decisions being booked, all booked; or it came to nothing. */
export const capacityPlanStates = ['planning', 'reserving', 'done', 'failed'] as const
export type CapacityPlanState = (typeof capacityPlanStates)[number]

/** Where units may come from. */
export const capacitySourceKinds = ['inventory', 'partner', 'day_ahead', 'future'] as const

import { required } from '#adapters/environment.ts'
import { laneBudgetsEnvironmentVariable, lanesEnvironmentVariable } from '#protocol/streams.ts'

/** The tenant's lanes; the first is where things go that name none. */
export const tenantLanes = (): readonly [number, ...number[]] => {
  const [home, ...others] = required(lanesEnvironmentVariable).split(',').map(Number)
  if (home === undefined || ![home, ...others].every(lane => Number.isInteger(lane) && lane > 0))
    throw new Error(`${lanesEnvironmentVariable} is no list of lanes`)
  return [home, ...others]
}

/** Whether an account may trade in more of them than its home. */
export const tradesInSeveralLanes = (): boolean => process.env[laneBudgetsEnvironmentVariable] === 'true'

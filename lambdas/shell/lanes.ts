import { required } from '#adapters/environment.ts'
import { lanesEnvironmentVariable } from '#protocol/streams.ts'

/** The tenant's lanes; the first is where things go that name none. */
export const tenantLanes = (): readonly [number, ...number[]] => {
  const [home, ...others] = required(lanesEnvironmentVariable).split(',').map(Number)
  if (home === undefined || ![home, ...others].every(lane => Number.isInteger(lane) && lane > 0))
    throw new Error(`${lanesEnvironmentVariable} is no list of lanes`)
  return [home, ...others]
}

/** Commands go down one stream, facts come up another; a lane has one of each, with a single shard. */
export const orderStreamEnvironmentVariable = (lane: number): string => `ORDER_STREAM_${lane}`
export const executionStreamEnvironmentVariable = (lane: number): string => `EXECUTION_STREAM_${lane}`
/** Lanes of this tenant, comma separated, the first being the home lane of new accounts. */
export const lanesEnvironmentVariable = 'LANES'
/** `true` where an account may trade in several of them on what its home lane grants. */
export const laneBudgetsEnvironmentVariable = 'LANE_BUDGETS'
/** A single shard: the key only has to be there. */
export const partitionKey = 'lane'
/** Matcher snapshots and quarantined records, under `<lane>/…`. */
export const snapshotBucketEnvironmentVariable = 'SNAPSHOT_BUCKET'
export const busEnvironmentVariable = 'EVENT_BUS'

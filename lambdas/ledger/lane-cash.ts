import type { LaneAccount } from '#adapters/tables/liquidations.ts'
import { getLaneCash } from '#adapters/tables/risk-limits.ts'

/** Cash that the one lane of an account has sent and the other does not have yet, each way. */
export const cashOnItsWay = async (
  home: LaneAccount,
  other: LaneAccount,
): Promise<{ readonly toMicros: number; readonly fromMicros: number }> => {
  const [atHome, there] = await Promise.all([
    getLaneCash(home.lane, home.accountId, other.lane),
    getLaneCash(other.lane, other.accountId, home.lane),
  ])
  return {
    toMicros: atHome.sentNumber > there.receivedNumber ? atHome.sentMicros : 0,
    fromMicros: there.sentNumber > atHome.receivedNumber ? there.sentMicros : 0,
  }
}

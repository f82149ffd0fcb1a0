import { type Behaviour, listen, PartnerStandIn, type StandInQuote } from '#bin/partner/stand-in.ts'

/** The stand-in of a partner, told by a test what to quote and how to misbehave. */
export interface FakePartner {
  readonly url: string
  /** What it is asked for, in order: `PUT /reservations/…`. */
  readonly asked: string[]
  quotes: StandInQuote[]
  /** From now on, whatever it is asked for. */
  behaviour: Behaviour
  /** Ids of what is reserved. */
  reserved(): readonly string[]
  reset(): void
  stop(): Promise<void>
}

export const startFakePartner = async (now = () => Date.now()): Promise<FakePartner> => {
  const opened = () => new PartnerStandIn({ now, quotes: () => partner.quotes, behaviourOf: () => partner.behaviour })
  let standIn = opened()
  const { url, stop } = await listen(
    () => standIn,
    request => partner.asked.push(request),
  )
  const partner: FakePartner = {
    url,
    asked: [],
    quotes: [],
    behaviour: 'succeed',
    reserved: () => [...standIn.reserved().keys()],
    reset() {
      partner.asked.length = 0
      partner.quotes = []
      partner.behaviour = 'succeed'
      standIn = opened()
    },
    stop,
  }
  return partner
}

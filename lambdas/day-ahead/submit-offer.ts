import type { submitOffer } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { takeBid } from './bid-intake.ts'

export const handle: Handle<typeof submitOffer> = request => takeBid('sell', request)

import type { submitBid } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { takeBid } from './bid-intake.ts'

export const handle: Handle<typeof submitBid> = request => takeBid('buy', request)

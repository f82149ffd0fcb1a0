import { auditAnswer, noteActor } from './audit.ts'
import { identify } from './identify.ts'
import { admissionOf, rateLimitTold } from './rate-limit.ts'

/** Who comes in, how often, and what is kept of it: for every context but the one in which all is public. */
export const door = { identify, noteActor, admissionOf, rateLimitTold, auditAnswer }

import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { serve } from '../shell/serve.ts'
import * as getDeadMan from './get-dead-man.ts'
import * as getObligation from './get-obligation.ts'
import * as getProtection from './get-protection.ts'
import * as getQuoteBudget from './get-quote-budget.ts'
import * as getQuoteOutcome from './get-quote-outcome.ts'
import * as listObligations from './list-obligations.ts'
import * as listQuotes from './list-quotes.ts'
import * as putQuotes from './put-quotes.ts'
import * as resetProtection from './reset-protection.ts'
import * as setDeadMan from './set-dead-man.ts'
import * as setObligation from './set-obligation.ts'
import * as setProtection from './set-protection.ts'
import * as setQuoteBudget from './set-quote-budget.ts'

export const handler = serve('market-making', marketMakingOperations, {
  'put-quotes': putQuotes.handle,
  'get-quote-outcome': getQuoteOutcome.handle,
  'list-quotes': listQuotes.handle,
  'set-protection': setProtection.handle,
  'get-protection': getProtection.handle,
  'reset-protection': resetProtection.handle,
  'set-dead-man': setDeadMan.handle,
  'get-dead-man': getDeadMan.handle,
  'set-quote-budget': setQuoteBudget.handle,
  'get-quote-budget': getQuoteBudget.handle,
  'list-obligations': listObligations.handle,
  'set-obligation': setObligation.handle,
  'get-obligation': getObligation.handle,
})

import type { RejectionCode } from '#domain/outcome.ts'

/** What an HTTP shell may say no with before any decision is asked. */
const requestCodes = [
  'malformed-json',
  'invalid-request',
  'invalid-cursor',
  'unsupported-media-type',
  'payload-too-large',
  'idempotency-key-required',
  'idempotency-conflict',
  'price-off-tick',
  'amount-off-lot',
  'unauthorized',
  'forbidden',
  'address-not-allowed',
  'key-limit',
  'key-name-taken',
  'account-not-open',
  'instrument-in-other-lane',
  'unknown-trade',
  'bust-window-over',
  'bust-under-way',
  'second-person-required',
  'lane-behind',
  'lane-halted',
  'replicas-not-ready',
  'limit-request-over',
  'lane-not-halted',
  'reopening-under-way',
  'unknown-index',
  'unknown-source',
  'quote-out-of-date',
  'index-unavailable',
  'payoff-refused',
  'not-priceable',
  'settlement-under-way',
  'liquidation-not-failed',
  'auction-over',
  'engine-version-needed',
  'parameter-conflict',
  'unknown-underlying',
  'too-many-scenarios',
  'scenario-refused',
  'capacity-window-invalid',
  'contract-terms-invalid',
  'quote-expired',
  'purchase-above-offer',
  'partner-not-connected',
  'partner-unavailable',
  'catalogue-completed',
  'catalogue-incomplete',
  'stale-opportunity',
  'opportunity-not-executable',
  'execution-not-failed',
  'unknown-resource',
  'allocation-being-booked',
  'allocation-over',
  'allocation-not-preemptible',
  'capacity-plan-under-way',
  'forecast-history-too-short',
  'observation-not-over',
  'not-found',
  'method-not-allowed',
  'rate-limited',
  'too-many-requests',
  'dependency-unavailable',
  'internal-error',
  'upstream-timeout',
] as const

export type ProblemCode = RejectionCode | (typeof requestCodes)[number]

/** With which any operation may be answered, without declaring so. */
export const sharedCodes = [
  'malformed-json',
  'invalid-request',
  'unsupported-media-type',
  'payload-too-large',
  'unauthorized',
  'forbidden',
  'address-not-allowed',
  'rate-limited',
  'too-many-requests',
  'dependency-unavailable',
  'internal-error',
  'upstream-timeout',
] as const satisfies readonly ProblemCode[]
export type SharedCode = (typeof sharedCodes)[number]

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** What the caller should do about it. */
  readonly fix: string
  /** Whether the very same request may succeed later. */
  readonly retry: boolean
}

const kind = (status: number, title: string, fix: string, retry = false): ProblemKind => ({ status, title, fix, retry })

/** Exhaustive: a code without an entry does not compile. Rendered as RFC 9457 problem documents. */
export const problems: Readonly<Record<ProblemCode, ProblemKind>> = {
  'malformed-json': kind(400, 'The body is not JSON', 'Send one JSON document in UTF-8.'),
  'invalid-request': kind(400, 'The request does not have the expected form', 'Correct the fields named in errors.'),
  'invalid-cursor': kind(400, 'The cursor is not one of ours', 'Pass next_cursor of the previous page unchanged.'),
  'unsupported-media-type': kind(415, 'The body must be application/json', 'Set Content-Type: application/json.'),
  'payload-too-large': kind(413, 'The body is too large', 'Send at most 64 KiB.'),
  'idempotency-key-required': kind(
    400,
    'client_order_id or Idempotency-Key is required',
    'Name each request, so that repeating it is safe.',
  ),
  'idempotency-conflict': kind(
    409,
    'The same name was used for another request',
    'Choose a new client_order_id or Idempotency-Key.',
  ),
  'price-off-tick': kind(422, 'The price is not a multiple of the tick size', 'Round the price to tick_size.'),
  'amount-off-lot': kind(
    422,
    'The amount is not a multiple of the minimum trade amount',
    'Round the amount to min_trade_amount.',
  ),
  unauthorized: kind(401, 'The request carries no valid credential', 'Send Authorization: Bearer with a valid token.'),
  forbidden: kind(403, 'The credential does not permit this operation', 'Use a credential with the right role.'),
  'address-not-allowed': kind(
    403,
    'The API key may not be used from this address',
    'Use it from one of its allowed_addresses, or make a key with others.',
  ),
  'key-limit': kind(409, 'The account has as many active API keys as it may have', 'Revoke one first.'),
  'key-name-taken': kind(
    409,
    'An active API key of the account has this name',
    'List your keys: it was made before. Choose another name for another key.',
  ),
  'account-not-open': kind(403, 'The account has not been opened', 'Open it first: POST /api/v1/accounts.'),
  'instrument-in-other-lane': kind(
    409,
    'The instrument trades in another lane than the account',
    'Trade it with an account that was opened in its lane.',
  ),
  'unknown-trade': kind(404, 'The account has no such trade', 'Check trade_id, and name one of its two accounts.'),
  'bust-window-over': kind(409, 'A trade is busted within an hour or not at all', 'Settle it between the two sides.'),
  'bust-under-way': kind(
    409,
    'Somebody has asked for it, or approved it, already',
    'See GET /api/v1/trade-busts; approve it as another person, if that is what it waits for.',
  ),
  'second-person-required': kind(
    409,
    'Who asked for it may not approve it',
    'Let another person approve it, with an account and a credential of their own.',
  ),
  'lane-behind': kind(
    429,
    'The matcher of the lane is behind, and takes no new orders until it has caught up',
    'Wait as long as Retry-After says; cancels and amendments are taken meanwhile.',
    true,
  ),
  'lane-halted': kind(
    503,
    'The lane is halted, and takes no new orders until an operator has reopened it',
    'Wait as long as Retry-After says; cancels are taken meanwhile, and done when the lane is reopened.',
    true,
  ),
  'replicas-not-ready': kind(
    409,
    'Two matchers of the lane at least, and all that there are, must have this version of the engine',
    'See GET /api/v1/lanes/{lane}; deploy the version first, and wait until both have spoken.',
    true,
  ),
  'lane-not-halted': kind(409, 'The lane is not halted', 'Nothing is to be done: GET /api/v1/lanes/{lane}.'),
  'reopening-under-way': kind(
    409,
    'The lane is being reopened already',
    'Follow it: GET /api/v1/lanes/{lane}; ask again if it fails.',
    true,
  ),
  'unknown-index': kind(404, 'There is no index of this name', 'See GET /api/v1/indices.'),
  'unknown-source': kind(
    422,
    'The index takes no quotes of this source',
    'Use one of its sources (GET /api/v1/indices/{index}), or have an operator add it.',
  ),
  'quote-out-of-date': kind(
    409,
    'The source has quoted the index since, or the quote is of the future or too old',
    'Send the newest quote only, with the time at which it was made.',
  ),
  'index-unavailable': kind(
    503,
    'The index has no level now: too few of its sources are fresh',
    'Try again once its sources have quoted.',
    true,
  ),
  'payoff-refused': kind(
    422,
    'The payoff cannot be listed',
    'Correct the node that errors points at: it must be well-formed, bounded, and never pay less than nothing.',
  ),
  'not-priceable': kind(
    409,
    'What the price follows from is missing or out of range',
    'See which input errors names, and whether its index has levels and its market a book.',
    true,
  ),
  'settlement-under-way': kind(
    409,
    'The contract is being settled already',
    'Follow it: GET /api/v1/markets/{instrument_name}/settlements.',
    true,
  ),
  'liquidation-not-failed': kind(
    409,
    'Only a liquidation that has failed goes on by asking',
    'See its liquidation_state; what is under way goes on by itself.',
  ),
  'auction-over': kind(409, 'The auction takes no bids any more', 'See GET /api/v1/risk/backstop-auctions for others.'),
  'engine-version-needed': kind(
    409,
    'The lane follows rules that do not know this yet',
    'Activate the engine version that detail names: POST /api/v1/lanes/{lane}/engine-version.',
  ),
  'parameter-conflict': kind(
    409,
    'A version that takes effect at the same time was set at the same moment',
    'Read it, and set again what should be another way.',
    true,
  ),
  'unknown-underlying': kind(
    422,
    'A scenario moves an underlying that nothing listed here depends on',
    'Name underlyings of GET /api/v1/risk/scenario-sets/current.',
  ),
  'too-many-scenarios': kind(
    422,
    'The scenarios are more than can be revalued at once',
    'Send fewer of them, or revalue an account instead of the lane: detail says how many it would be.',
  ),
  'scenario-refused': kind(422, 'A scenario cannot be computed', 'Correct what errors points at.'),
  'capacity-window-invalid': kind(
    422,
    'The hours are none that can be had',
    'Ask for whole hours that are not over, the end after the start, and no more of them than errors says.',
  ),
  'contract-terms-invalid': kind(422, 'The contract contradicts itself', 'Correct what errors points at.'),
  'quote-expired': kind(
    409,
    'The offer cannot be had at this price any more',
    'Ask GET /api/v1/partners/best-price again, and buy what it says now.',
  ),
  'purchase-above-offer': kind(
    409,
    'The offer has fewer units in these hours',
    'Buy as many as detail says, or another offer for the rest: best-price splits it.',
  ),
  'partner-not-connected': kind(
    409,
    'No service of this partner takes orders here',
    'Its list prices are for comparison only: buy from a contract or from a partner whose service the operator has named.',
  ),
  'partner-unavailable': kind(
    503,
    'The service of the partner does not answer',
    'Ask again, or buy another offer.',
    true,
  ),
  'catalogue-completed': kind(409, 'The import is completed', 'Begin another one.'),
  'catalogue-incomplete': kind(
    409,
    'The import lacks what was announced',
    'Send the pieces that are missing, or begin another import: detail says how many have come.',
  ),
  'stale-opportunity': kind(
    409,
    'The opportunity is not there any more',
    'A price or a size has moved, or the policy that it was found by: list opportunities again.',
  ),
  'opportunity-not-executable': kind(
    409,
    'One of its legs only tells a price',
    'Choose one whose is_executable is true.',
  ),
  'execution-not-failed': kind(
    409,
    'The execution has not failed',
    'See execution_state: there is nothing to go on with.',
  ),
  'unknown-resource': kind(
    422,
    'Nobody offers such a resource there',
    'Name a resource class and regions of GET /api/v1/partners/best-price or of your inventory, as errors says.',
  ),
  'allocation-being-booked': kind(
    409,
    'Its units are being booked at this moment',
    'Ask again in some seconds; GET /api/v1/capacity/allocation/{allocation_id} says how far it is.',
    true,
  ),
  'allocation-over': kind(409, 'The request has come to its end', 'Nothing is left to change: see allocation_state.'),
  'allocation-not-preemptible': kind(
    409,
    'What is reserved was promised for good',
    'Only what was asked for as preemptible may be taken back.',
  ),
  'capacity-plan-under-way': kind(
    409,
    'Another plan is being made or booked',
    'Read it, and ask again once it is done: detail names it.',
    true,
  ),
  'forecast-history-too-short': kind(
    409,
    'The history is too short for a forecast',
    'Ask for fewer hours, wait until there are needed_hours, or tell earlier ones: POST /api/v1/capacity/observations.',
  ),
  'observation-not-over': kind(
    422,
    'An hour that is not over has not been observed',
    'Tell hours that have ended; errors says which has not.',
  ),
  'not-found': kind(404, 'There is no such resource', 'Check the path and the id.'),
  'method-not-allowed': kind(405, 'The resource does not know this method', 'See /openapi.json.'),
  'rate-limited': kind(
    429,
    'The credential has used up its rate',
    'Wait as long as Retry-After says; RateLimit-Remaining and RateLimit-Reset of every answer tell how much is left.',
    true,
  ),
  'too-many-requests': kind(429, 'Too many requests', 'Wait as long as Retry-After says.', true),
  'dependency-unavailable': kind(503, 'A part of the exchange is not available', 'Try again shortly.', true),
  'internal-error': kind(
    500,
    'Something went wrong on our side',
    'Try again; report the request_id if it stays.',
    true,
  ),
  'upstream-timeout': kind(504, 'The exchange did not answer in time', 'Repeat the request under the same name.', true),

  'unknown-account': kind(422, 'There is no such account', 'Open the account first.'),
  'unknown-instrument': kind(422, 'There is no such instrument', 'See GET /api/v1/markets.'),
  'unknown-order': kind(404, 'There is no such order', 'Check the order_id.'),
  'order-closed': kind(409, 'The order is no longer open', 'Nothing is left to change or cancel.'),
  'outdated-specification': kind(
    409,
    'The contract specification has changed since the order was made',
    'Read the market again and repeat under a new name.',
    true,
  ),
  'instrument-not-open': kind(409, 'The instrument is not open for trading', 'See is_active of the market.'),
  'price-out-of-range': kind(422, 'The price is outside the permitted range', 'Stay within tick_size and max_price.'),
  'amount-out-of-range': kind(422, 'The amount is outside the permitted range', 'Choose a smaller positive amount.'),
  'notional-too-large': kind(422, 'Price times amount is too large', 'Split the order.'),
  'insufficient-funds': kind(
    422,
    'The account cannot cover the worst outcome of the order',
    'Deposit cash or make it smaller.',
  ),
  'no-liquidity': kind(422, 'There is nothing to trade a market order against', 'Use a limit order.', true),
  'open-order-limit': kind(422, 'The account or its firm has too many open orders', 'Cancel some first.'),
  'amount-below-filled': kind(422, 'The new amount is not above what is filled', 'Cancel the order instead.'),
  'account-exists': kind(409, 'The account is open already', 'Nothing is to be done.'),
  'account-limit': kind(409, 'The lane cannot take another account', 'Ask the operator for another lane.'),
  'instrument-exists': kind(409, 'The instrument is listed already', 'Choose another instrument_name.'),
  'instrument-limit': kind(409, 'The lane cannot take another instrument', 'List it in another lane.'),
  'invalid-specification': kind(422, 'The contract specification is not valid', 'Correct the field named in detail.'),
  'duplicate-order': kind(409, 'The order id was used already', 'Choose a new client_order_id.'),
  'post-only-would-trade': kind(
    422,
    'A post-only order would trade at once',
    'Choose a price that does not cross the book, or let it slide.',
    true,
  ),
  'reduce-only-would-increase': kind(
    422,
    'A reduce-only order would open or increase the position',
    'Trade against the position, or leave reduce_only out.',
  ),
  'price-outside-band': kind(
    422,
    'The price is too far from the reference price',
    'Choose a price nearer to the last trade or the mark price.',
    true,
  ),
  'instrument-halted': kind(
    409,
    'Trading in the instrument is halted',
    'Wait until its state is auction or continuous; orders may be cancelled meanwhile.',
    true,
  ),
  'order-type-not-allowed': kind(
    422,
    'The instrument does not take such an order in its present state',
    'Send a limit order that may rest, or wait for continuous trading.',
    true,
  ),
  'invalid-instructions': kind(
    422,
    'The instructions of the order contradict each other',
    'Leave out those that do not go with its type and time in force.',
  ),
  'kill-switch-on': kind(
    403,
    'A kill switch keeps the account from trading',
    'Ask the operator, or who controls the risk of your firm, to release it.',
  ),
  'protection-frozen': kind(
    409,
    'Market-maker protection was triggered and keeps the group from quoting',
    'Reset the protection, or wait until it thaws.',
    true,
  ),
  'invalid-trading-state': kind(
    409,
    'The instrument cannot go from its present trading state to that one',
    'Read its state, and choose one that follows it.',
  ),
  'unknown-protection': kind(
    404,
    'The account has no protection for this group',
    'Set it first: PUT /api/v1/market-making/protection/{group}.',
  ),
  'unknown-firm': kind(422, 'No account belongs to such a firm', 'Check the name of the firm.'),
  'trade-already-busted': kind(409, 'The trade was busted already', 'Nothing is to be done.'),
  'quote-limit': kind(422, 'The account quotes in too many groups or instruments', 'Quote in fewer of them.'),
  'engine-version-not-newer': kind(
    409,
    'The lane follows the rules of this version, or of a newer one, already',
    'Nothing is to be done.',
  ),
  'position-limit': kind(
    409,
    'With it the position could grow beyond its limit',
    'Trade less, or cancel open orders on the same side: position_limit of the market, and GET /api/v1/risk/limits, say how much.',
  ),
  'not-exercisable': kind(
    409,
    'The position cannot be exercised',
    'Only a long position in an American option that trades, and whose future has a mark price, can be.',
  ),
  'instrument-settled': kind(409, 'The contract is settled, or was adjusted since', 'Nothing is to be done.'),
  'instrument-has-options': kind(
    409,
    'Options on this future are still listed',
    'Delist them first, or let all of them expire together.',
  ),
  'settlement-out-of-order': kind(
    409,
    'The payment before it is not made yet, or it is made already',
    'See GET /api/v1/markets/{instrument_name}/settlements.',
  ),
  'insufficient-margin': kind(
    422,
    'The account cannot cover the worst scenario with it',
    'Deposit cash, make it smaller, or reduce the risk of what is open.',
  ),
  'limit-request-over': kind(
    409,
    'The request to loosen limits was approved by somebody else, or its day is over',
    'Read the limits; ask for them again where they are not in force.',
  ),
  'order-size-limit': kind(
    422,
    'The order is larger than its limit',
    'Make it smaller: GET /api/v1/risk/limits says how large it may be, and how the limit is scaled now.',
  ),
  'order-notional-limit': kind(
    422,
    'The order is worth more than its limit',
    'Make it smaller: GET /api/v1/risk/limits says how much it may be worth, and how the limit is scaled now.',
  ),
  'net-delta-limit': kind(
    422,
    'With it the net delta could grow beyond its limit',
    'Make it smaller, or cancel open orders that add to the same side.',
  ),
  'gross-delta-limit': kind(
    422,
    'With it the gross delta could grow beyond its limit',
    'Make it smaller, close positions, or cancel open orders.',
  ),
  'vega-limit': kind(
    422,
    'With it the vega could grow beyond its limit',
    'Make it smaller, or cancel open orders that add to the same side.',
  ),
  'concentration-limit': kind(
    422,
    'With it the position could be too large a share of what is open in the market',
    'Trade less: GET /api/v1/risk/limits says which share may be held.',
  ),
  'message-rate-limit': kind(
    429,
    'More orders, amendments and quotes come than the limit allows',
    'Send fewer a second; cancels are not counted.',
    true,
  ),
  'daily-loss-limit': kind(
    422,
    'The loss of the day is beyond its limit',
    'Only what reduces a position is taken until the next day (UTC), or until a risk manager allows more.',
  ),
  'price-outside-collar': kind(
    422,
    'The price is too far beyond the mark price',
    'Come nearer to mark_price of the market: GET /api/v1/risk/limits says how far it may be.',
  ),
  'limits-contradict': kind(
    422,
    'Two of the limits contradict each other',
    'Change one of the two that errors names: one of them makes the other meaningless.',
  ),
  'loosening-needs-approval': kind(
    409,
    'It would allow more than is allowed now, and nobody has approved it',
    'Ask for it again by PUT /api/v1/risk/limits and have a second person approve the request.',
  ),
  'limit-not-of-scope': kind(
    422,
    'There is no such limit of an instrument',
    'Set the loss in a day for accounts or firms.',
  ),
  'scale-out-of-range': kind(
    422,
    'A scale lies outside of its floor and ceiling',
    'Scale each instrument once, from the floor to the ceiling, which is at most 1.',
  ),
  'outside-quote-budget': kind(
    422,
    'The quote does not fit the budget that is put by for quotes',
    'Quote within the budget, in a group whose protection limits the amount, or set another budget.',
  ),
  'quotes-standing': kind(
    409,
    'The account has quotes in the market',
    'Cancel them first: margin is put by for all quotes of an account or for none.',
  ),
  'quote-budget-below-protection': kind(
    422,
    'The protections let more fill than the budget is for',
    'Set a larger budget, or protections that pull the quotes earlier.',
  ),
  'exposure-too-large': kind(
    422,
    'All that the account holds and has open together would be too large to be counted',
    'Make it smaller, or cancel open orders.',
  ),
  'unknown-hold': kind(404, 'The account has no such hold', 'It may have been captured or released already.'),
  'hold-limit': kind(422, 'The account has too many holds', 'Capture or release some first.'),
  'risk-epoch-not-newer': kind(
    409,
    'An epoch of risk of this version, or a newer one, is in force',
    'Count on from it.',
  ),
  'risk-epoch-not-begun': kind(409, 'No epoch of risk of this version is under way', 'Begin it first.'),
  'risk-epoch-incomplete': kind(
    409,
    'A chunk of the epoch of risk is missing or out of order',
    'Send chunks in order, and commit as many as were sent.',
  ),
  'risk-epoch-lacks-instrument': kind(
    422,
    'The epoch of risk lacks an instrument that is listed',
    'Send its risk too, then commit again.',
  ),
  'risk-epoch-invalid': kind(
    422,
    'A number of the epoch of risk is outside of its bounds',
    'Prices and gains of a lot lie between nothing and its highest price.',
  ),
  'not-under-margin-call': kind(409, 'The account has as much as it needs', 'Nothing is to be done.'),
  'liquidation-under-way': kind(409, 'The account is being liquidated already', 'Go on with that liquidation.'),
  'account-in-liquidation': kind(
    403,
    'The account is being liquidated, and may not trade',
    'Wait until the liquidation has ended; a deposit may end it sooner.',
    true,
  ),
  'unknown-liquidation': kind(
    404,
    'The account is in no such liquidation',
    'It may have ended: see the events of the account.',
  ),
  'still-under-margin-call': kind(
    409,
    'The account still needs more than it has',
    'Reduce its positions further, transfer them, or cover what it owes.',
    true,
  ),
  'liquidation-positions-left': kind(
    409,
    'The account still has positions',
    'Reduce or transfer all of them: only then is it known what it owes.',
    true,
  ),
  'no-loss-to-cover': kind(409, 'The account owes nothing', 'Nothing is to be done.'),
  'haircut-invalid': kind(
    422,
    'The shares of a haircut are none, name an account twice, or name the one that is liquidated',
    'Send each account that pays once, in ascending order.',
  ),
  'transfer-not-allowed': kind(
    409,
    'Cash goes only to another account of the same firm, in the same lane',
    'Name two different accounts that the firm has opened in one lane.',
  ),
  'not-collateral': kind(
    422,
    'The instrument is no collateral asset',
    'Name one of kind collateral: GET /api/v1/markets.',
  ),
  'is-collateral': kind(
    422,
    'Collateral neither trades nor settles',
    'Deposit or withdraw it: POST /api/v1/collateral.',
  ),
  'insufficient-collateral': kind(422, 'The account has less of the asset', 'See GET /api/v1/collateral.'),
}

/** RFC 9457, with our stable code, the request's id and one entry for each field at fault. */
export interface ProblemDocument {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail?: string
  readonly request_id: string
  readonly retry: boolean
  /** JSON pointers (RFC 6901) into the body, or `#/query/<name>`, `#/path/<name>`, `#/header/<name>`. */
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[]
}

export const problemDocument = (
  code: ProblemCode,
  requestId: string,
  more: { readonly detail?: string; readonly errors?: ProblemDocument['errors'] } = {},
): ProblemDocument => ({
  type: `/docs#${code}`,
  title: problems[code].title,
  status: problems[code].status,
  code,
  request_id: requestId,
  retry: problems[code].retry,
  ...(more.detail === undefined ? {} : { detail: more.detail }),
  ...(more.errors === undefined ? {} : { errors: more.errors }),
})

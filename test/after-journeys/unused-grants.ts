/**
 * What roles allow although no journey does it, each with the reason why it is allowed all the same. `*` stands for
 * anything. A line that no role's grant matches any more fails the check too.
 */
export interface UnusedGrant {
  readonly caller: string
  readonly action: string
  readonly resource: string
  readonly reason: string
}

/** test/lambdas/supervision/lane-reopening.test.ts runs that workflow over its own tables. */
const reopened = 'a halted lane would take no order of any other journey'

/** test/lambdas/settlement/cash-settlement.test.ts runs that workflow, and the sweep, over real tables and the real engine. */
const begunAgain = 'only a settlement that failed is begun again by hand'
const settledDaily = 'positions are settled at the mark once a day'
const decidedEarly = 'only barriers and products whose days are over are looked at before their end'

/** test/lambdas/risk/collateral-liquidation.test.ts runs that workflow over real tables and the real engine. */
const liquidated = 'the liquidation of a journey ends in the auction, without a loss'

/** test/lambdas/delivery/physical-settlement.test.ts runs that workflow, and the sweep, over real tables and the real engine. */
const brokenDelivery = 'no delivery of a journey breaks, or loses its start'
/** test/lambdas/partners/arbitrage-execution.test.ts runs that workflow and the sweep over real tables and the real engine. */
const arbitraged = 'no journey trades arbitrage'

/** test/lambdas/partners/partner-purchase.test.ts runs that workflow with a fault in each of its steps. */
const undone = 'the purchase that fails in a journey fails before anything is reserved'
const stuck = 'no purchase of a journey comes to a stand'

/** test/lambdas/capacity/capacity-plan.test.ts runs that workflow, and the sweep, over real tables and the real purchases. */
const planned = 'plans of journeys are booked by their own workflow, and from contracts, lots, books and bids'

export const unusedGrants: readonly UnusedGrant[] = [
  {
    caller: 'ProjectPositionsFunction',
    action: 'dynamodb:UpdateItem',
    resource: 'RiskLimitsTable',
    reason: 'the tenant that the journeys run has one lane: nothing is granted to another',
  },
  {
    caller: 'ReserveCapacityFunction',
    action: 'dynamodb:GetItem',
    resource: 'PartnerCataloguesTable',
    reason: planned,
  },
  { caller: 'ReserveCapacityFunction', action: 'dynamodb:GetItem', resource: 'PartnerOffersTable', reason: planned },
  { caller: 'FailCapacityPlanFunction', action: '*', resource: '*', reason: 'no plan of a journey fails' },
  ...[
    'CapacityAllocationsTable',
    'PartnerPurchasesTable',
    'CapacityPlansTable',
    'LanesTable',
    'PartnerCataloguesTable',
    'PartnerContractsTable',
    'PartnerOffersTable',
    'PartnerInventoryTable',
    'PartnerPurchaseWorkflow',
    'AccountsTable',
    'CommandsTable',
    'DayAheadBidsTable',
    'InstrumentsTable',
    'OrdersTable',
    'OutcomesTable',
  ].map(resource => ({ caller: 'SweepCapacityFunction', action: '*', resource, reason: planned })),
  { caller: 'SweepCapacityFunction', action: 'kinesis:PutRecord', resource: '*', reason: planned },
  ...['ReserveCapacityFunction', 'SweepCapacityFunction'].map(caller => ({
    caller,
    action: 'dynamodb:Query',
    resource: 'ParametersTable',
    reason: 'every gate at which a journey bids for a request is open',
  })),
  ...['CandlesTable', 'InstrumentsTable', 'CapacityAllocationsTable/index/by-resource'].map(resource => ({
    caller: 'ProcureCapacityFunction',
    action: 'dynamodb:Query',
    resource,
    reason: 'what the journey’s policy is forecast from was told',
  })),
  {
    caller: 'ProcureCapacityFunction',
    action: 'dynamodb:GetItem',
    resource: 'OutcomesTable',
    reason: 'a policy waits for the engine only where the answer to its bid is not there at once',
  },
  {
    caller: 'CapacityHttpFunction',
    action: 'dynamodb:Query',
    resource: 'PartnerOffersTable',
    reason: 'substitutes are looked for among markets where no catalogue is in force',
  },
  ...['DeliveryHttpFunction', 'SweepDeliveriesFunction'].map(caller => ({
    caller,
    action: 'dynamodb:Query',
    resource: 'MeasurementsTable',
    reason: 'what appraises a settlement reads windows for contracts that are not delivered',
  })),
  {
    caller: 'SweepDeliveriesFunction',
    action: 'dynamodb:GetItem',
    resource: 'OutcomesTable',
    reason: 'only where the engine has not answered within the minute',
  },
  {
    caller: 'UndoPurchaseFunction',
    action: '*',
    resource: 'PartnerInventoryTable',
    reason: undone,
  },
  {
    caller: 'BookPurchaseFunction',
    action: 'dynamodb:GetItem',
    resource: 'PartnerInventoryTable',
    reason: 'a step that is tried again finds the lot that it has put',
  },
  {
    caller: 'SweepPartnersFunction',
    action: 'dynamodb:PutItem',
    resource: 'PartnerPurchasesTable',
    reason: stuck,
  },
  {
    caller: 'SweepPartnersFunction',
    action: 'states:StartExecution',
    resource: 'PartnerPurchaseWorkflow',
    reason: stuck,
  },
  ...[
    'ReserveArbitrageCapacityFunction',
    'PlaceArbitrageOrderFunction',
    'CaptureArbitragePurchaseFunction',
    'UnwindArbitrageFunction',
    'ReleaseArbitrageCapacityFunction',
    'EndArbitrageFunction',
    'FailArbitrageFunction',
    'SweepArbitrageFunction',
    'AnnounceArbitrageFunction',
  ].map(caller => ({ caller, action: '*', resource: '*', reason: arbitraged })),
  ...['Arbitrage*', 'DayAheadResultsTable', 'BalancesTable', 'BooksTable', 'InstrumentsTable', 'PositionsTable'].map(
    resource => ({
      caller: 'PartnersHttpFunction',
      action: '*',
      resource,
      reason: arbitraged,
    }),
  ),
  {
    caller: 'BeginLiquidationFunction',
    action: 'dynamodb:PutItem',
    resource: 'MarginCallsTable',
    reason: 'the account that is called in a journey does not recover by itself',
  },
  {
    caller: 'CoverLossFunction',
    action: '*',
    resource: '*',
    reason: liquidated,
  },
  {
    caller: 'HaircutGainsFunction',
    action: '*',
    resource: '*',
    reason: liquidated,
  },
  {
    caller: 'FailLiquidationFunction',
    action: '*',
    resource: '*',
    reason: liquidated,
  },
  {
    caller: 'OpenBackstopAuctionFunction',
    action: 'dynamodb:GetItem',
    resource: 'BackstopAuctionsTable',
    reason: 'a step that is tried again finds the auction that it has opened',
  },
  {
    caller: 'AnnounceLimitsFunction',
    action: '*',
    resource: '*',
    reason: 'no limit of a journey is breached but by an order, which is refused',
  },
  {
    caller: 'RiskHttpFunction',
    action: 'dynamodb:Query',
    resource: 'AccountsTable/index/by-firm',
    reason: 'a preview reads the other accounts of a firm only where the firm has limits, which no journey sets',
  },
  {
    caller: 'RiskHttpFunction',
    action: '*',
    resource: 'ApprovalRequestsTable',
    reason: 'no journey has parameters of risk protect less; test/lambdas/risk has two persons do it',
  },
  {
    caller: 'LedgerHttpFunction',
    action: '*',
    resource: 'ApprovalRequestsTable',
    reason: 'no journey takes anything out of an insurance fund; test/lambdas/ledger has two persons do it',
  },
  {
    caller: 'RiskHttpFunction',
    action: 'dynamodb:PutItem',
    resource: 'LiquidationsTable',
    reason: 'only a liquidation that failed is begun again by hand',
  },
  {
    caller: 'RiskHttpFunction',
    action: 'states:StartExecution',
    resource: 'CollateralLiquidationWorkflow',
    reason: 'only a liquidation that failed is begun again by hand',
  },
  {
    caller: 'RegisterAccountFunction',
    action: 'dynamodb:GetItem',
    resource: 'CommandsTable',
    reason: 'a step that is tried again finds its promise kept there',
  },
  {
    caller: 'SubmitAccountFunction',
    action: 'states:SendTask*',
    resource: 'OpenAccountWorkflow',
    reason: 'a step that is tried again after the engine’s answer hands it to its new token',
  },
  {
    caller: 'ResumeAccountOpeningFunction',
    action: 'states:SendTaskFailure',
    resource: 'OpenAccountWorkflow',
    reason: 'the engine refuses only beyond as many accounts as its ids can tell apart',
  },
  {
    caller: 'ProjectPositionsFunction',
    action: 'dynamodb:GetItem',
    resource: 'CommandsTable',
    reason: 'a refusal names only the command, and the engine refuses no account of a journey',
  },
  {
    caller: 'FailAccountFunction',
    action: '*',
    resource: '*',
    reason: 'the workflow calls it only when an account could not be opened',
  },
  {
    caller: 'VerifyReplicasFunction',
    action: '*',
    resource: '*',
    reason: reopened,
  },
  {
    caller: 'HaltMarketsFunction',
    action: '*',
    resource: '*',
    reason: reopened,
  },
  {
    caller: 'ResumeLaneFunction',
    action: '*',
    resource: '*',
    reason: reopened,
  },
  {
    caller: 'ConfirmHaltsFunction',
    action: '*',
    resource: '*',
    reason: reopened,
  },
  {
    caller: 'CallAuctionsFunction',
    action: '*',
    resource: '*',
    reason: reopened,
  },
  {
    caller: 'FailReopeningFunction',
    action: '*',
    resource: '*',
    reason: reopened,
  },
  {
    caller: 'FailSettlementFunction',
    action: '*',
    resource: '*',
    reason: 'the workflow calls it only when a settlement failed',
  },
  {
    caller: 'FailAuctionFunction',
    action: '*',
    resource: '*',
    reason: 'the workflow calls it only when an auction failed',
  },
  {
    caller: 'CollectBidsFunction',
    action: 'k*',
    resource: '*',
    reason: 'only a bid whose command was lost is sent again: test/lambdas/day-ahead/day-ahead-auction.test.ts',
  },
  {
    caller: 'SweepAuctionsFunction',
    action: 'states:StartExecution',
    resource: '*',
    reason: 'gates close by schedule at noon',
  },
  ...['dynamodb:GetItem', 'dynamodb:Query'].map(action => ({
    caller: 'CureDeliveryFunction',
    action,
    resource: 'PartnerOffersTable',
    reason: 'what is bought in for the delivery of a journey is of a contract',
  })),
  {
    caller: 'FailDeliveryFunction',
    action: '*',
    resource: '*',
    reason: brokenDelivery,
  },
  {
    caller: 'SweepDeliveriesFunction',
    action: '*',
    resource: 'DeliveriesTable',
    reason: brokenDelivery,
  },
  {
    caller: 'SweepDeliveriesFunction',
    action: 'states:StartExecution',
    resource: '*',
    reason: brokenDelivery,
  },
  {
    caller: 'DeliveryHttpFunction',
    action: 'states:SendTaskHeartbeat',
    resource: '*',
    reason: 'the provisioning service of a journey answers at once',
  },
  {
    caller: 'RequestProvisioningFunction',
    action: 'states:SendTaskSuccess',
    resource: '*',
    reason: 'only what was answered while the workflow broke is not asked again',
  },
  {
    caller: 'FailEnforcementFunction',
    action: '*',
    resource: '*',
    reason: 'the workflow calls it only when an enforcement failed',
  },
  {
    caller: 'PostSettlementFunction',
    action: 'dynamodb:GetItem',
    resource: 'OutcomesTable',
    reason: 'only a settlement that is begun again asks what became of its command',
  },
  {
    caller: 'SettlementHttpFunction',
    action: 'states:StartExecution',
    resource: 'CashSettlementWorkflow',
    reason: begunAgain,
  },
  {
    caller: 'SettlementHttpFunction',
    action: 'dynamodb:PutItem',
    resource: 'SettlementsTable',
    reason: begunAgain,
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'dynamodb:GetItem',
    resource: 'OutcomesTable',
    reason: settledDaily,
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'kinesis:PutRecord',
    resource: '*',
    reason: settledDaily,
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'dynamodb:GetItem',
    resource: 'BooksTable',
    reason: settledDaily,
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'dynamodb:Query',
    resource: 'FixingsTable',
    reason: decidedEarly,
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'dynamodb:Query',
    resource: 'ParametersTable',
    reason: decidedEarly,
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'dynamodb:PutItem',
    resource: 'SettlementsTable',
    reason: 'it begins only what start-settlements has missed',
  },
  {
    caller: 'SweepSettlementsFunction',
    action: 'states:StartExecution',
    resource: 'CashSettlementWorkflow',
    reason: 'it begins only what start-settlements has missed',
  },
  {
    caller: 'SupervisionHttpFunction',
    action: 'states:StartExecution',
    resource: 'LaneReopeningWorkflow',
    reason: reopened,
  },
  {
    caller: 'Lane*Task',
    action: 's3:GetObject',
    resource: 'Snapshots/*/archive/*',
    reason: 'no stream of a journey is old enough to have forgotten what a start needs',
  },
  {
    caller: 'SweepDueFunction',
    action: 'dynamodb:Query',
    resource: 'FixingsTable',
    reason: 'a grid looks for the last fixing only where too few sources of its index are fresh',
  },
  {
    caller: 'RenewRiskEpochFunction',
    action: '*',
    resource: '*',
    reason: 'it does what make-risk-epoch does each minute, and no mark of a journey goes beyond every scenario',
  },
  {
    caller: 'CreditPenaltyFunction',
    action: 'dynamodb:Query',
    resource: 'InstrumentsTable',
    reason: 'who pays a penalty in a journey has neither positions nor orders that would have to be valued',
  },
  {
    caller: 'LedgerHttpFunction',
    action: 'dynamodb:GetItem',
    resource: 'BooksTable',
    reason: 'a position is told at the mark of the engine only where no pass has marked its instrument',
  },
  {
    caller: 'MarketMakingHttpFunction',
    action: 'dynamodb:GetItem',
    resource: 'RiskLimitsTable',
    reason: 'no journey reads a quote budget',
  },
  {
    caller: 'RiskHttpFunction',
    action: 'dynamodb:BatchGetItem',
    resource: 'BalancesTable',
    reason: 'no journey stresses a whole lane',
  },
  {
    caller: 'RiskHttpFunction',
    action: 'dynamodb:Query',
    resource: 'CommandsTable/index/by-command-id',
    reason: 'a preview reads orders by the code of the trading context, which comes with finding them again',
  },
  {
    caller: 'RiskHttpFunction',
    action: 'dynamodb:GetItem',
    resource: 'CommandsTable',
    reason: 'no journey repeats a request to this context by its name, where the promise is kept',
  },
  {
    caller: 'MakeRiskEpochFunction',
    action: 'dynamodb:GetItem',
    resource: 'BooksTable',
    reason: 'it looks for a mark of the engine only where no pass has marked an instrument',
  },
  {
    caller: 'TakeFixingsFunction',
    action: 'dynamodb:PutItem',
    resource: 'IndexQuotesTable',
    reason: 'it stores what an oracle service quotes, and the laptop has none',
  },
  {
    caller: 'Lane*Task',
    action: 'dynamodb:ConditionCheckItem',
    resource: 'LanesTable',
    reason: 'no journey knows a command on which the engine throws',
  },
  {
    caller: 'Lane*Task',
    action: 's3:DeleteObject',
    resource: 'Snapshots/*/snapshots/*',
    reason: 'a journey is too short for more snapshots than are kept',
  },
  {
    caller: '*HttpFunction',
    action: 'dynamodb:UpdateItem',
    resource: 'ApiKeysTable',
    reason: 'a key’s use is noted once in a while, by whichever context sees it then',
  },
  {
    caller: '*HttpFunction',
    action: 'dynamodb:GetItem',
    resource: 'ApiKeysTable',
    reason: 'every context takes keys, by the same code; the journeys use them in some',
  },
  {
    caller: '*HttpFunction',
    action: 'dynamodb:PutItem',
    resource: 'NoncesTable',
    reason: 'every context takes signed requests, by the same code; the journeys sign in some',
  },
]

/** Of the tenant that no journey runs. */
export const unusedGrantsOfOtherTenants: readonly UnusedGrant[] = [
  {
    caller: 'AnnounceOrdersFunction',
    action: 'events:PutEvents',
    resource: 'EventBus',
    reason: 'the tenant that the journeys run does not announce orders',
  },
  {
    caller: 'RelayLaneBudgetsFunction',
    action: '*',
    resource: '*',
    // test/lambdas/ledger/join-lane.test.ts has two lanes with their engines, and the relay between them.
    reason: 'the tenant that the journeys run has one lane',
  },
]

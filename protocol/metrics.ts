/** In CloudWatch. */
export const metricsNamespace = 'ComputeExchange'

/**
 * The figures that the code writes to CloudWatch, by who writes them, with the dimensions that they come under: a widget
 * or an alarm that asks for another name, or for other dimensions, would stay empty for ever.
 */
export const publishedMetrics = {
  /** The HTTP shell, of each request. */
  request: { dimensions: ['service', 'context', 'operation'], names: ['Latency', 'Refused', 'Failed'] },
  /** The HTTP shell, of each request that was answered by a problem. */
  problem: { dimensions: ['service', 'context', 'code'], names: ['Problems'] },
  /** Whoever takes new orders, of a lane that could not be looked at. */
  intake: { dimensions: ['service', 'lane'], names: ['LeasesUnread'] },
  /** The functions that read streams. */
  stream: {
    dimensions: ['service', 'function'],
    names: [
      'Records',
      'BatchFailures',
      'EventsProjected',
      'ProjectionDelay',
      'ProjectionGaps',
      'ProjectionGapsHealed',
      'ProjectionEventsMissing',
      'UnreadableExecutions',
      'EventsAnnounced',
      'AuditRecords',
      'AuditLinesUnreadable',
      'SlaWindowsCorrected',
    ],
  },
  /** The functions that workflows and schedules call. */
  task: {
    dimensions: ['service', 'function'],
    names: [
      'Runs',
      'Rejected',
      'InstrumentsDue',
      'InstrumentsMissing',
      'SettlementsNotBegun',
      'SlaWindowsClosed',
      'SlaWindowsBehind',
      'SlaContractsNotSwept',
      'AuctionsNotSwept',
      'AuctionsOverdue',
      'GatesSet',
      'DeliveriesOpen',
      'DeliveriesBroken',
      'DeliveriesNotSwept',
      'FixingsTaken',
      'FixingsFallback',
      'FixingsMissed',
      'FixingsWaiting',
      'OracleFailures',
      'OracleQuotesRefused',
      'MarkPasses',
      'MarkingMillis',
      'InstrumentsMarked',
      'InstrumentsUnmarked',
      'LimitsScaled',
      'RiskEpochPasses',
      'RiskEpochMillis',
      'RiskEpochsAdopted',
      'RiskEpochsRefused',
      'RiskEpochOverdueMillis',
      'RiskInstrumentsBounded',
      'CapacitySweeps',
      'CapacityPlanMillis',
      'CapacityRequestsPlanned',
      'CapacityRequestsOverdue',
      'CapacityBooked',
      'CapacityNotBooked',
      'AllocationsStuck',
      'ProcurementsStuck',
      'PartnerSweeps',
      'PurchasesStuck',
      'ArbitrageSweeps',
      'ArbitrageDecisions',
    ],
  },
  /** The matchers, every five seconds. */
  matcher: {
    dimensions: ['Lane'],
    names: [
      'Orders',
      'Rejections',
      'Trades',
      'Commands',
      'Duplicates',
      'Poison',
      'UnpublishedEvents',
      'LagMillis',
      'PublishedMillisAverage',
      'EngineMicrosAverage',
      'EngineMicrosP50',
      'EngineMicrosP99',
      'EventLoopDelayMillis',
      'OpenOrders',
      'Epoch',
    ],
  },
  /** The matchers that stand by, every five seconds; what halts a lane, and what a snapshot lacks, by whoever sees it. */
  replica: {
    dimensions: ['Lane'],
    names: [
      'StandbyBehindMillis',
      'StandbyUnverified',
      'SnapshotAgeMillis',
      'SnapshotsPassedOver',
      'Halts',
      'Divergences',
      'Failovers',
    ],
  },
} as const

export type MetricSource = keyof typeof publishedMetrics
export type MetricName<Source extends MetricSource> = (typeof publishedMetrics)[Source]['names'][number]
export type MetricDimension<Source extends MetricSource> = (typeof publishedMetrics)[Source]['dimensions'][number]

/**
 * Imported before anything of the product: Powertools reads these once, when a function's logger and metrics are made.
 * A silent logger returns at its first line; metrics are gathered as ever and told to nobody.
 */
import process from 'node:process'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
process.env['POWERTOOLS_METRICS_NAMESPACE'] = 'simulation'

/**
 * Loaded by `node --import` into every Node child: its `Date` follows the runtime's clock, its calls of AWS are recorded
 * where that is asked for, and its life hangs on the parent's, since the channel closes even when the parent was killed.
 */
import { recordAwsCalls } from './aws-calls.ts'
import { clockMessage, clockOffsetVariable, moveDate } from './clock.ts'

let offsetMillis = Number(process.env[clockOffsetVariable] ?? 0)
moveDate(() => offsetMillis)
recordAwsCalls()

if (process.channel !== undefined) {
  process.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && clockMessage in message) {
      offsetMillis = Number(message[clockMessage])
    }
  })
  process.on('disconnect', () => process.exit(1))
  process.channel?.unref()
}

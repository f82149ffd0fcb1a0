/**
 * Loaded by `node --import` into every Node child: its `Date` follows the runtime's clock, and its life hangs on the
 * parent's, since the channel closes even when the parent was killed.
 */
import { clockMessage, clockOffsetVariable, moveDate } from './clock.ts'

let offsetMillis = Number(process.env[clockOffsetVariable] ?? 0)
moveDate(() => offsetMillis)

if (process.channel !== undefined) {
  process.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && clockMessage in message) {
      offsetMillis = Number(message[clockMessage])
    }
  })
  process.on('disconnect', () => process.exit(1))
  process.channel?.unref()
}

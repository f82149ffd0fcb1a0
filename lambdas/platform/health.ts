import type { health } from '#protocol/operations/platform.ts'
import type { Handle } from '../shell/http.ts'

export const handle: Handle<typeof health> = async () => ({ status: 200, body: { healthy: true } })

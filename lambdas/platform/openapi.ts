import type { openapi } from '#protocol/operations/platform.ts'
import type { Handle } from '../shell/http.ts'
import { page } from './page.ts'

const document = page('openapi.json')

export const handle: Handle<typeof openapi> = async () => ({
  status: 200,
  body: await document(),
  headers: { 'cache-control': 'public, max-age=300' },
})

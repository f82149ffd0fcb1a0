import type { documentation } from '#protocol/operations/platform.ts'
import type { Handle } from '../shell/http.ts'
import { page } from './page.ts'

const html = page('docs.html')

export const handle: Handle<typeof documentation> = async () => ({
  status: 200,
  body: await html(),
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'public, max-age=300',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    'x-content-type-options': 'nosniff',
  },
})

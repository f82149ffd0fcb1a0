/** What the command-line programs need of the running exchange: a token of the local issuer, and its HTTP API. */
export interface ExchangeClient {
  /** Sends and gives status and JSON body; throws where nothing answers. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const readAnswer = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  const parsed: unknown = text === '' ? {} : JSON.parse(text)
  return {
    status: response.status,
    body: isObject(parsed) ? parsed : {},
    headers: Object.fromEntries(response.headers),
  }
}

/** Signs in at the exchange's local issuer as `account` with `role`. */
export const signIn = async (url: string, account: string, role: string): Promise<ExchangeClient> => {
  const answer = await readAnswer(
    await fetch(`${url}/oidc/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account, role, expires_in: 86_400 }),
    }),
  )
  const token = answer.body['access_token']
  if (typeof token !== 'string') throw new Error(`no token for ${account}: ${answer.status}`)
  return {
    call: async (method, path, body, headers = {}) =>
      readAnswer(
        await fetch(`${url}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
  }
}

/** `npm start`: synthesizes a tenant's stacks and runs that very template on this machine. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Tenant } from '#lib/tenant.ts'
import { scratchFolder } from '#local/scratch.ts'
import { runFile } from './running.ts'

const neededNodeMajor = 24
const root = resolve(import.meta.dirname, '..')
const say = (line: string) => process.stdout.write(`${line}\n`)

const exit = (code: number, message?: string): never => {
  if (message !== undefined) process.stderr.write(`${message}\n`)
  process.exit(code)
}

if (Number.parseInt(process.versions.node, 10) < neededNodeMajor) {
  exit(1, `Node ${neededNodeMajor} or later is needed, this is ${process.versions.node}: start it by npm start`)
}

// What follows is imported when it is needed, and by then out of the cache.
enableCompileCache()
const scratch = scratchFolder(tmpdir(), 'cloud-assembly')
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))
try {
  await run()
} catch (error) {
  exit(1, error instanceof Error ? error.message : String(error))
}

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      demo: { type: 'boolean' },
      'data-dir': { type: 'string' },
      tenant: { type: 'string' },
      // Synthesized into unless one is there: the journeys start twice from the same.
      assembly: { type: 'string' },
      // For the journeys' check of IAM.
      'record-calls': { type: 'string' },
    },
  })
  const port = await listenablePort(process.env['PORT'] ?? '3000')
  const stopAsked = new AbortController()
  let whenAsked = () => exit(0)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopAsked.abort()
      // While it starts, leaving is enough: the children's leashes end them.
      whenAsked()
    })
  }

  // npm that is killed cannot pass it on: without npm nobody would know how to end us.
  const { ppid } = process
  if (process.env['npm_lifecycle_event'] !== undefined)
    setInterval(() => {
      if (process.ppid !== ppid) whenAsked()
    }, 1_000).unref()

  const assembly = synthesize(values.tenant, values.assembly ?? join(scratch, 'cdk.out'))
  // Told by the runtime, once it gets to wait for it.
  assembly.catch(() => undefined)
  const partnersExchange = Promise.withResolvers<{ dataDir: string; now: () => number }>()
  const partnerServiceUrls = process.env['PARTNER_SERVICE_URLS'] ?? (await standInOfPartner(partnersExchange.promise))
  const { startRuntime, controlPath } = await import('#local/runtime.ts')
  const { localIssuerPath } = await import('#local/oidc-issuer.ts')
  const issuer = `http://127.0.0.1:${port}${localIssuerPath}`
  const runtime = await startRuntime({
    cloudAssembly: assembly,
    parameters: {
      // Reads cost next to nothing here, so nobody need wait for the next one.
      PollIntervalMillis: process.env['POLL_INTERVAL_MILLIS'] ?? '20',
      StandbyPollIntervalMillis: process.env['STANDBY_POLL_INTERVAL_MILLIS'] ?? '250',
      OracleServiceUrl: process.env['ORACLE_SERVICE_URL'] ?? '',
      PartnerServiceUrls: partnerServiceUrls,
      TokenIssuers: JSON.stringify([
        {
          issuer,
          jwksUri: `${issuer}/jwks.json`,
          audience: 'compute-exchange',
          accountClaim: 'account',
          roleClaim: 'role',
        },
      ]),
    },
    port,
    ...(values['data-dir'] === undefined ? {} : { dataDir: values['data-dir'] }),
    ...(values['record-calls'] === undefined ? {} : { recordCallsIn: values['record-calls'] }),
    say,
  })
  const { url, surroundings } = runtime
  const { clock, dataDir } = surroundings
  partnersExchange.resolve({ dataDir, now: () => clock.now() })

  let leaving: Promise<never> | undefined
  const leave = async (code: number): Promise<never> => {
    if (isOurRunFile()) rmSync(runFile, { force: true })
    await runtime.stop()
    return exit(code)
  }
  whenAsked = () => {
    leaving ??= leave(0)
    return undefined as never
  }
  void runtime.failed.then(() => {
    leaving ??= leave(1)
  })

  mkdirSync(join(root, '.local'), { recursive: true })
  writeFileSync(runFile, JSON.stringify({ url, pid: process.pid, controlUrl: `${url}${controlPath}` }))
  try {
    const { linesToPaste, seed } = await import('./seed.ts')
    await seed(url, clock.now(), await tenantOf(values.tenant))
    surroundings.say('markets and accounts')
    const { startProvisioning } = await import('./provisioning/on-the-bus.ts')
    await startProvisioning({
      url,
      now: () => clock.now(),
      signal: stopAsked.signal,
      complain: error => surroundings.complain('provisioning', error),
    })
    surroundings.say('a provisioning service that stands in for yours')
    if (process.env['PARTNER_SERVICE_URLS'] === undefined)
      surroundings.say('a service of a partner that stands in for theirs')
    if (values.demo) {
      const { startDemo } = await import('./demo.ts')
      await startDemo(
        url,
        () => clock.now(),
        stopAsked.signal,
        error => surroundings.complain('demo', error),
      )
      surroundings.say('simulated participants')
    }
    say(`ready ${url}`)
    for (const line of linesToPaste(url, clock.now())) say(line)
  } catch (error) {
    if (leaving !== undefined) return
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    leaving ??= leave(1)
  }
}

/** As the template is made of it: the runtime itself knows no lanes. */
async function tenantOf(name: string | undefined): Promise<Tenant> {
  const [{ parseTenant }, z] = await Promise.all([import('#lib/tenant.ts'), import('zod')])
  const cdkFile = z.object({ context: z.object({ tenants: z.unknown(), defaultTenant: z.string() }) })
  const { context } = cdkFile.parse(JSON.parse(readFileSync(join(root, 'cdk.json'), 'utf8')))
  return parseTenant(context.tenants, name ?? context.defaultTenant)
}

/** What PARTNER_SERVICE_URLS would say of it. */
async function standInOfPartner(exchange: Promise<{ dataDir: string; now: () => number }>): Promise<string> {
  const { startPartner, standInProvider } = await import('./partner/on-the-laptop.ts')
  const { url } = await startPartner(exchange)
  return JSON.stringify({ [standInProvider]: url })
}

/** A later start may have written its own over ours. */
function isOurRunFile(): boolean {
  try {
    const run: { pid?: unknown } = JSON.parse(readFileSync(runFile, 'utf8'))
    return run.pid === process.pid
  } catch {
    // Not there, or no longer readable: nothing of ours to remove.
    return false
  }
}

/** A child synthesizes: the CDK would keep this process busy, and 200 MB of it, for a folder of files. */
async function synthesize(tenant: string | undefined, outdir: string): Promise<string> {
  if (existsSync(join(outdir, 'manifest.json'))) return outdir
  const { startNodeChild } = await import('#local/children.ts')
  const { createClock } = await import('#local/clock.ts')
  const logFile = join(scratch, 'synthesis.log')
  const child = await startNodeChild({
    name: 'synthesis',
    args: [join(root, 'bin', 'exchange.ts')],
    // As the CDK's own command line would tell it; its rules are for `npm run synth` and the tests.
    environment: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify(tenant === undefined ? {} : { tenant }),
      CDK_VALIDATION: 'false',
    },
    clock: createClock(),
    logFile,
    cwd: root,
  })
  const how = await child.ended
  if (how !== 'exit code 0') throw new Error(`synthesis failed (${how}): ${readFileSync(logFile, 'utf8').trim()}`)
  return outdir
}

/** 0 stands for any free port. */
function listenablePort(text: string): Promise<number> {
  const port = Number(text)
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535)
    exit(1, `PORT must be a port number from 0 (any free one) to 65535, not ${JSON.stringify(text)}`)
  return new Promise((found, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') exit(1, `port ${port} is taken: set PORT`)
      reject(error)
    })
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => found(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}

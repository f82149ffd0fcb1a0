/**
 * Completes package-lock.json after an install: where the registry in use lacks an optional platform package, npm leaves
 * it out of the lock file, and `npm ci` then refuses the lock. A stub with os and cpu lets every machine agree.
 * Run it after each `npm install`: node bin/complete-lock.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface LockPackage {
  version?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
  optionalDependencies?: Record<string, string>
}
interface Lock {
  packages: Record<string, LockPackage>
}

const lock: Lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
let added = 0
for (const [place, parent] of Object.entries(lock.packages)) {
  for (const [name, wanted] of Object.entries(parent.optionalDependencies ?? {})) {
    const nested = `${place}/node_modules/${name}`
    const top = `node_modules/${name}`
    const version = /^\d+\.\d+\.\d+$/.exec(wanted)?.[0]
    if (place === '' || version === undefined || nested in lock.packages || top in lock.packages) continue
    const os = ['android', 'darwin', 'freebsd', 'linux', 'openharmony', 'win32'].find(part => name.includes(part))
    if (os === undefined) continue
    const cpu = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64'].find(part =>
      new RegExp(`[-.]${part}(?:-|$)`).test(name),
    )
    lock.packages[top] = {
      version,
      ...(parent.dev === true ? { dev: true } : {}),
      optional: true,
      os: [os],
      ...(cpu === undefined ? {} : { cpu: [cpu] }),
      ...(os !== 'linux' ? {} : { libc: [/musl/.test(name) ? 'musl' : 'glibc'] }),
    }
    added++
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
writeFileSync('package-lock.json', `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} optional platform packages added to package-lock.json`)

import { stripTypeScriptTypes } from 'node:module'
import { compileOnce } from './services/compile-once.ts'
import { makePlainContexts } from './services/plain-contexts.ts'

// Here, since each of jest's workers loads its transform, and outside of the worlds of the tests.
compileOnce()
makePlainContexts()

export default {
  process: source => ({ code: stripTypeScriptTypes(source) }),
}

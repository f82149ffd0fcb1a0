import { stripTypeScriptTypes } from 'node:module'
import { compileOnce } from './services/compile-once.ts'

// Here, since each of jest's workers loads its transform, and outside of the worlds of the tests.
compileOnce()

export default {
  process: source => ({ code: stripTypeScriptTypes(source) }),
}

import { stopServices } from './setup.ts'

/** Jest's globalTeardown. */
export default stopServices

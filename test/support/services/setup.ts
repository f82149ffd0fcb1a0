import { addressVariable } from './ask.ts'
import { startServices } from './services.ts'

let stop = async (): Promise<void> => undefined

/** Jest's globalSetup. */
export default async (): Promise<void> => {
  const services = await startServices()
  process.env[addressVariable] = services.url
  stop = services.stop
}

export const stopServices = (): Promise<void> => stop()

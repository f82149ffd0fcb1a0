/** A function has its role's credentials in its environment. Bundled in place of the SDK's chain of providers, a fifth to a third of its code. */
export { fromEnv as defaultProvider } from '@aws-sdk/credential-provider-env'

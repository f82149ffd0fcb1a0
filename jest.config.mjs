// Sources run as they are: the transform only blanks the types, as Node itself does.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/support/strip-types.mjs' },
  moduleFileExtensions: ['ts', 'mjs', 'cjs', 'js', 'json'],
  modulePathIgnorePatterns: ['<rootDir>/cdk.out', '<rootDir>/dist', '<rootDir>/.local'],
  // What many test files use together is started once; what takes long goes first.
  globalSetup: '<rootDir>/test/support/services/setup.ts',
  globalTeardown: '<rootDir>/test/support/services/teardown.ts',
  testSequencer: '<rootDir>/test/support/services/sequencer.ts',
  reporters: ['default', '<rootDir>/test/support/services/reporter.ts'],
  coverageProvider: 'v8',
  // A hang ends, a slow machine does not fail.
  testTimeout: 120_000,
  // One more than the cores of the machine that it is meant for: journeys wait for most of their time.
  maxWorkers: 3,
  // A worker keeps something of each file's modules: at 2 to 3 GB collecting and forking took a tenth of the time.
  workerIdleMemoryLimit: '1GB',
}

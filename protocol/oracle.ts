/**
 * Where the tenant's oracle service is, empty where it has none. `GET <url>/quotes?index=<name>` answers
 * `{"quotes": [{"source", "level", "timestamp"}]}`, each as `POST /api/v1/indices/{index}/quotes` takes it.
 */
export const oracleEnvironmentVariable = 'ORACLE_SERVICE_URL'

export const handler = async event => ({ greeting: `hello ${event.name}`, table: process.env.TABLE_NAME })

const { GREETING, TABLE_NAME, AWS_ENDPOINT_URL_DYNAMODB } = process.env
console.log(JSON.stringify({ GREETING, TABLE_NAME, AWS_ENDPOINT_URL_DYNAMODB, cwd: process.cwd(), now: Date.now() }))
setInterval(() => console.log(JSON.stringify({ now: Date.now() })), 20)

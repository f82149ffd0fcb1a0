import { causeOf, problemCodes } from './error-catalogue.ts'
import type { Json } from './json.ts'
import { codesOf, type OpenApiDocument, openapiDocument } from './openapi.ts'
import { operations } from './operations/registry.ts'
import { fixes } from './problem-fixes.ts'
import { problems } from './problems.ts'

/** The API as one HTML page that needs nothing else; `#<code>` is where a problem document's `type` points. */
export const documentationPage = (): string => {
  const document = openapiDocument()
  const sections = document.tags.map(({ name, description }) => {
    const own = operations.filter(({ context }) => context === name)
    return html`<section id="${name}"><h2>${name}</h2><p>${description}.</p>${own.map(operation => operationPart(operation, document))}</section>`
  })
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(document.info['title'])} API</title>
<style>${new Markup(style)}</style>
</head>
<body>
<nav>
<strong>${text(document.info['title'])}</strong>
${document.tags.map(
  ({ name }) =>
    html`<a class="group" href="#${name}">${name}</a>${operations
      .filter(({ context }) => context === name)
      .map(operation => html`<a href="#${operation.name}">${operation.name}</a>`)}`,
)}
<a class="group" href="#schemas">schemas</a>
${Object.keys(document.components.schemas).map(name => html`<a href="#schema-${name}">${name}</a>`)}
<a class="group" href="#problems">problems</a>
</nav>
<main>
<h1>${text(document.info['title'])} API</h1>
<p>${text(document.info['description'])} The same as a document for programs: <a href="/openapi.json">/openapi.json</a>.</p>
<p>Send <code>Authorization: Bearer &lt;token&gt;</code>. The account is the credential’s; no request names it.</p>
<p>Each credential has a rate of its own. Every answer to it tells in <code>RateLimit-Limit</code> how much it may take at once, in <code>RateLimit-Remaining</code> how much is left, and in <code>RateLimit-Reset</code> in how many seconds all of it is there again; each operation below says what it takes. Beyond it the answer is 429 <a href="#rate-limited"><code>rate-limited</code></a>, nothing is stored, and <code>Retry-After</code> says when the same request fits. Cancelling has a reserve of its own.</p>
${sections}
<section id="schemas"><h2>schemas</h2>${Object.entries(document.components.schemas).map(
    ([name, schema]) =>
      html`<article id="schema-${name}"><h3>${name}</h3>${schemaPart(schema)}${exampleOf(schema)}</article>`,
  )}</section>
<section id="problems"><h2>problems</h2>
<p>Every answer that is not a success is <code>application/problem+json</code>. Look at <code>code</code>; <code>retry</code> says whether the very same request may succeed later.</p>
<div class="wide"><table><thead><tr><th>code</th><th>status</th><th>meaning</th><th>cause</th><th>what to do</th><th>retry</th></tr></thead><tbody>
${problemCodes.map(code => {
  const { status, title, retry } = problems[code]
  return html`<tr id="${code}"><td><code>${code}</code></td><td>${String(status)}</td><td>${title}.</td><td>${marked(causeOf(code))}</td><td>${marked(fixes[code])}</td><td>${retry ? 'yes' : 'no'}</td></tr>
`
})}</tbody></table></div></section>
</main>
</body>
</html>
`
  return page.markup
}

const operationPart = (operation: (typeof operations)[number], document: OpenApiDocument): Markup => {
  const { name, method, path, summary } = operation
  const described = document.paths[path]?.[method.toLowerCase()]
  if (described === undefined) throw new Error(`the document lacks ${method} ${path}`)
  const { description, parameters = [], requestBody, responses } = described
  const answers = Object.entries(responses).filter(([status]) => operation.responses[Number(status)] !== undefined)
  return html`<article id="${name}">
<h3>${summary}</h3>
<p class="route"><b>${method}</b> <code>${path}</code></p>
${(description ?? '').split('\n\n').map(paragraph => html`<p>${marked(paragraph)}</p>`)}
${
  parameters.length === 0
    ? nothing
    : table(
        'parameters',
        parameters.map(parameter => [
          html`<code>${parameter.name}</code>${parameter.required ? html` <em>required</em>` : nothing}`,
          html`${parameter.in}`,
          typePart(parameter.schema),
          marked(parameter.description ?? ''),
        ]),
      )
}
${
  requestBody === undefined
    ? nothing
    : html`<h4>body${requestBody.required ? nothing : ' (may be left out)'}</h4>${contentPart(requestBody.content, document)}`
}
<h4>answers</h4>
${answers.map(
  ([status, answer]) =>
    html`<p><b>${status}</b> ${answer.description}. ${contentTypes(answer.content)}</p>${contentPart(answer.content ?? {}, document)}`,
)}
<h4>problems</h4>
<p>${codesOf(operation).map(code => html`<a href="#${code}"><code>${code}</code></a> `)}</p>
</article>
`
}

const contentTypes = (content: Json | undefined): Markup =>
  isObject(content) ? html`${Object.keys(content).map(mediaType => html`<code>${mediaType}</code>`)}` : nothing

/** A body: where it has a name, by that; else field by field. */
const contentPart = (content: Json, document: OpenApiDocument): Markup => {
  if (!isObject(content)) return nothing
  return html`${Object.values(content).map(media => {
    const schema = isObject(media) ? media['schema'] : undefined
    if (!isObject(schema)) return nothing
    const name = referenced(schema)
    const target = name === undefined ? schema : document.components.schemas[name]
    if (name?.endsWith('Request') === true && target !== undefined)
      return html`${schemaPart(target)}${exampleOf(target)}`
    return name === undefined ? schemaPart(schema) : html`<p>${typePart(schema)}</p>`
  })}`
}

const schemaPart = (schema: { readonly [key: string]: Json }): Markup => {
  const { properties, required, allOf } = schema
  if (Array.isArray(allOf)) return html`<p>${typePart(schema)}</p>`
  if (!isObject(properties) || Object.keys(properties).length === 0) return html`<p>${typePart(schema)}</p>`
  const names = Array.isArray(required) ? required : []
  return table(
    'fields',
    Object.entries(properties).map(([name, property]) => [
      html`<code>${name}</code>${names.includes(name) ? html` <em>required</em>` : nothing}`,
      typePart(property),
      marked(isObject(property) ? text(property['description']) : ''),
    ]),
  )
}

const exampleOf = (schema: { readonly [key: string]: Json }): Markup => {
  const [example] = Array.isArray(schema['examples']) ? schema['examples'] : []
  return example === undefined ? nothing : html`<pre>${JSON.stringify(example, undefined, 2)}</pre>`
}

const referenced = (schema: { readonly [key: string]: Json }): string | undefined =>
  typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/components/schemas/', '') : undefined

/** A schema in a few words. */
const typePart = (schema: Json | undefined): Markup => {
  if (!isObject(schema)) return nothing
  const name = referenced(schema)
  if (name !== undefined) return html`<a href="#schema-${name}">${name}</a>`
  for (const [key, between] of [
    ['anyOf', ' or '],
    ['allOf', ' with '],
  ] as const) {
    const parts = schema[key]
    if (Array.isArray(parts))
      return html`${parts.map((part, index) => html`${index === 0 ? '' : between}${typePart(part)}`)}`
  }
  if (schema['const'] !== undefined) return html`<code>${JSON.stringify(schema['const'])}</code>`
  const values = schema['enum']
  if (Array.isArray(values)) {
    if (values.length > 12) return html`${text(schema['type'])}`
    return html`${values.map((value, index) => html`${index === 0 ? '' : ' | '}<code>${text(value)}</code>`)}${defaultPart(schema)}`
  }
  if (schema['type'] === 'array') return html`list of ${typePart(schema['items'])}`
  const type = Array.isArray(schema['type']) ? schema['type'].map(text).join(' or ') : text(schema['type'])
  const notes = [
    schema['format'] === undefined ? '' : text(schema['format']),
    schema['minimum'] === undefined ? '' : `from ${text(schema['minimum'])}`,
    schema['maximum'] === undefined ? '' : `to ${text(schema['maximum'])}`,
  ].filter(note => note !== '')
  const pattern = schema['pattern']
  const shown = typeof pattern === 'string' && schema['format'] === undefined ? html` <code>${pattern}</code>` : nothing
  return html`${[type, ...notes].join(' ')}${shown}${defaultPart(schema)}`
}

const defaultPart = (schema: { readonly [key: string]: Json }): Markup =>
  schema['default'] === undefined ? nothing : html`, else <code>${text(schema['default'])}</code>`

const table = (title: string, rows: readonly (readonly Markup[])[]): Markup =>
  html`<div class="wide"><table aria-label="${title}"><tbody>${rows.map(
    cells => html`<tr>${cells.map(cell => html`<td>${cell}</td>`)}</tr>
`,
  )}</tbody></table></div>`

/** Back-ticks become code. */
const marked = (paragraph: string): Markup =>
  html`${paragraph.split('`').map((part, index) => (index % 2 === 0 ? html`${part}` : html`<code>${part}</code>`))}`

const isObject = (value: unknown): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const text = (value: Json | undefined): string =>
  value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value)

/** Text that is HTML already; everything else is escaped on its way in. */
class Markup {
  readonly markup: string
  constructor(markup: string) {
    this.markup = markup
  }
}

type Part = string | Markup | readonly Part[]

const markupOf = (part: Part): string => {
  if (part instanceof Markup) return part.markup
  if (typeof part !== 'string') return part.map(markupOf).join('')
  return part.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup =>
  new Markup(
    strings.map((string, index) => string + (index < parts.length ? markupOf(parts[index] ?? '') : '')).join(''),
  )

const nothing = new Markup('')

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
* { box-sizing: border-box; }
body { margin: 0; display: flex; font: 15px/1.5 system-ui, sans-serif; }
nav { flex: none; width: 15rem; height: 100vh; position: sticky; top: 0; overflow: auto; padding: 1rem; border-right: 1px solid var(--line); font-size: 13px; }
nav a { display: block; color: inherit; text-decoration: none; padding: 1px 0 1px .75rem; }
nav a.group { font-weight: 600; margin-top: .75rem; padding-left: 0; }
nav a:hover { text-decoration: underline; }
main { flex: 1; min-width: 0; max-width: 60rem; padding: 1rem 2rem 6rem; }
article { border-top: 1px solid var(--line); padding: .5rem 0 1.5rem; }
h3 { margin: .75rem 0 .25rem; }
h4 { margin: 1rem 0 .25rem; }
.route { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow: auto; padding: .75rem; border: 1px solid var(--line); border-radius: 4px; }
em { font-size: 12px; opacity: .7; }
tr:target, article:target { background: color-mix(in srgb, gold 22%, transparent); }
@media (max-width: 50rem) { body { display: block; } nav { width: auto; height: auto; position: static; } main { padding: 1rem; } }
`

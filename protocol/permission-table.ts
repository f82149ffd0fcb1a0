import { contexts } from './operation.ts'
import { operations } from './operations/registry.ts'
import { type Permission, permissions, permissionsOf, permits, roles } from './permissions.ts'

/** What a permission adds to operations that another one opens; any other is needed by an operation of its own. */
export const wideningPermissions: Readonly<Partial<Record<Permission, string>>> = {
  'accounts:open-any': 'open-account and get-account for any account, not only the credential’s own',
  'sla:read-any':
    'the contracts of every provider and buyer, with what follows from them, not only the credential’s own',
  'obligations:read-any': 'list-obligations for every account, not only the credential’s own',
  'risk:read-any':
    'get-margin, get-margin-statement, preview-margin, get-exposures and stress-risk for any account, firm and the whole lane',
}

/** docs/permissions.md: every role × operation, in Markdown; a test holds the file equal to it. */
export const permissionsPage = (): string => {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  const rule = (first: number): string => row([...Array(first).fill('---'), ...roles.map(() => ':-:')])
  const cells = (permission: Permission): readonly string[] => roles.map(role => (permits(role, permission) ? '✓' : ''))
  const tables = contexts.map(context => {
    const own = operations.filter(operation => operation.context === context)
    const rows = own.map(({ name, method, path, permission }) =>
      row([
        `\`${name}\``,
        `${method} ${path}`,
        permission,
        ...(permission === 'public' ? roles.map(() => '✓') : cells(permission)),
      ]),
    )
    return `## ${context}\n\n${row(['operation', 'route', 'permission', ...roles])}${rule(3)}${rows.join('')}`
  })
  const widening = permissions.flatMap(permission => {
    const adds = wideningPermissions[permission]
    return adds === undefined ? [] : [row([`\`${permission}\``, adds, ...cells(permission)])]
  })
  const idle = roles.filter(role => permissionsOf[role].length === 0)
  return `# Who may do what

Made from \`protocol/permissions.ts\` and \`protocol/operations/\` (\`WRITE_SCHEMAS=1 npm test -- test/protocol/permissions.test.ts\`
writes it anew; that test and \`test/lambdas/permissions.test.ts\` hold it true). Denied unless told: an empty cell is 403
\`forbidden\`. A credential acts for its own account alone, and moves and sees the money of those whose firm has its account’s name;
another account’s order, deposit, key or balance is 404, as if it were not there. An API key may do what its scopes name, and of that only what its owner’s role has. \`public\` needs no
credential.${idle.length === 0 ? '' : ` Nothing yet: ${idle.join(', ')}.`}

${tables.join('\n')}
## What widens an operation

${row(['permission', 'adds', ...roles])}${rule(2)}${widening.join('')}`
}

/** Of the one projection that follows what market makers and supervisors do; names its rows in the lanes table. */
export const projectionName = 'project-market-making'

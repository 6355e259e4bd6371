'use strict'
const { HEADER, Refused, Verifier, misconfiguration } = require('./verify')

// settings.js is read before Node-RED has a log
const warn = message => console.warn(`[flowward] ${message}`)

function editorUser (claims) {
  const { permissions } = claims
  if (!Array.isArray(permissions) || permissions.length === 0) return null
  if (!permissions.every(scope => typeof scope === 'string' && scope)) return null
  return { username: claims.username || claims.sub, image: claims.image, permissions }
}

/**
 * Node-RED's `adminAuth` that believes the gateway's assertion: no login dialog, and the permissions are those the
 * gateway has lowered to the visitor's role. Only assertions for the editor count: a flow cannot deploy with the one
 * it received.
 */
module.exports = function adminAuth (settings, options = {}) {
  const problem = misconfiguration(settings)
  if (problem) warn(`nobody can open the editor: ${problem}`)
  const verifier = problem ? null : new Verifier(settings, { warn, ...options })
  return {
    tokenHeader: HEADER,
    users: async () => null,
    async tokens (token) {
      if (!verifier) return null
      try {
        return editorUser(await verifier.verifyPatiently(token, 'editor'))
      } catch (error) {
        if (error instanceof Refused) return null
        throw error
      }
    }
  }
}

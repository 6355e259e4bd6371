'use strict'
// For tests. Believes the fields that a proxy sets, whoever it was that set them.

module.exports = RED => {
  RED.plugins.registerPlugin('trusts-headers', {
    type: 'node-red-dashboard-2',
    hooks: {
      onAddConnectionCredentials (socket, msg) {
        const { headers } = socket.request
        const user = {
          userId: headers['x-authentik-uid'],
          user: headers['remote-user'],
          name: headers['remote-name'],
          email: headers['x-authentik-email'],
          groups: headers['remote-groups']
        }
        msg._client = { ...msg._client, user }
        return msg
      }
    }
  })
}

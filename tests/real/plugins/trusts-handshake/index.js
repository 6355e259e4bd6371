'use strict'
// For tests. The page gets its user from _setup and says so again when its socket connects; this believes it, so that
// whoever writes a page of their own is whoever they like, unless something in front sees to what a page may say there.

const claimed = socket => socket.handshake.auth?.user

module.exports = RED => {
  RED.plugins.registerPlugin('trusts-handshake', {
    type: 'node-red-dashboard-2',
    hooks: {
      onAddConnectionCredentials (socket, msg) {
        const user = claimed(socket)
        if (user) msg._client = { ...msg._client, user }
        return msg
      },
      onIsValidConnection (socket, msg) {
        const meant = msg._client?.user?.userId
        return meant === undefined || meant === claimed(socket)?.userId
      },
      onCanSaveInStore: msg => msg._client?.user === undefined
    }
  })
}

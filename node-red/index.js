'use strict'
const path = require('node:path')
const { HEADER, Refused, Verifier, misconfiguration } = require('./verify')
const { isConstrained, ownClient, reaches, userFrom, withUser, withoutClient } = require('./client')
const { Sockets } = require('./sockets')

const ID = 'node-red-dashboard-2-flowward'
const TYPE = 'node-red-dashboard-2'

/** The hooks Dashboard 2 calls, all of them synchronous. */
function dashboardHooks ({ sockets, visitorOf, httpNodeRoot }) {
  return {
    // For display alone (`setup.user`, `setup.socketio.auth.user`): what comes back from the browser is never believed.
    onSetup (config, req) {
      const user = visitorOf(req)
      if (!user) return {}
      const socketPath = path.posix.join('/', httpNodeRoot || '/', config.path, 'socket.io')
      return { user, socketio: { path: socketPath, auth: { user } } }
    },
    onInput: msg => sockets.holds.constraint ? ownClient(msg) : msg,
    onAction (conn, id, msg) {
      sockets.user(conn)
      return withoutClient(msg)
    },
    onSend (conn, id, msg) {
      sockets.user(conn)
      return withoutClient(msg)
    },
    // The message is the widget's last one, and may carry another visitor's identity.
    onChange (conn, id, msg) {
      sockets.user(conn)
      return withoutClient(msg)
    },
    onLoad: (conn, id, msg) => withoutClient(sockets.partFor(conn, msg)),
    onAddConnectionCredentials: (conn, msg) => withUser(msg, sockets.user(conn)),
    onIsValidConnection: (conn, msg) => reaches(msg, sockets.user(conn)),
    onCanSaveInStore: msg => !isConstrained(msg)
  }
}

/** Tells of each plugin that also writes msg._client, whether it was loaded before this one or comes later. */
function warnOfOthers (RED, log) {
  const look = id => {
    const other = RED.plugins.get(id)
    if (id === ID || other?.type !== TYPE || !(other.auth || other.hooks?.onAddConnectionCredentials)) return
    log('warn', `the plugin '${id}' writes msg._client as well, and may replace the verified user: remove it`)
  }
  for (const { id } of RED.plugins.getByType(TYPE)) look(id)
  RED.events.on('registry:plugin-added', look)
}

/** Writes each kind of refusal to the log once: whoever reaches Node-RED directly could fill it otherwise. */
function refusalLog (log) {
  const told = new Set()
  return refused => {
    if (told.has(refused.code)) return
    told.add(refused.code)
    log('warn', `an assertion was refused (${refused.code}): ${refused.message}`)
  }
}

module.exports = function (RED) {
  const log = (level, message) => RED.log[level](`[flowward] ${message}`)
  const settings = RED.settings.flowward
  const problem = misconfiguration(settings)
  if (problem) log('error', `no visitor has msg._client.user: ${problem}`)
  const verifier = problem ? null : new Verifier(settings, { warn: message => log('warn', message) })
  const refused = refusalLog(log)

  function visitorOf (req) {
    const token = req.headers[HEADER]
    if (!verifier || !token) return null
    try {
      const claims = verifier.verify(token, 'http')
      sockets.heed(claims)
      return userFrom(claims)
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      refused(error)
      return null
    }
  }

  const sockets = new Sockets(verifier, { refused })
  RED.plugins.registerPlugin(ID, {
    type: TYPE,
    hooks: dashboardHooks({ sockets, visitorOf, httpNodeRoot: RED.settings.httpNodeRoot }),
    onadd: () => warnOfOthers(RED, log)
  })
}

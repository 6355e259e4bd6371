'use strict'
const { EventEmitter } = require('node:events')
const plugin = require('../index')

/** What the plugin uses of Node-RED's runtime API. */
function runtime (flowward, others = [], httpNodeRoot = '/') {
  const log = []
  const plugins = new Map(others.map(other => [other.id, other]))
  const note = level => message => log.push([level, message])
  const RED = {
    settings: { flowward, httpNodeRoot },
    events: new EventEmitter(),
    log: { error: note('error'), warn: note('warn'), info: note('info') },
    plugins: {
      get: id => plugins.get(id),
      getByType: type => [...plugins.values()].filter(one => one.type === type),
      registerPlugin (id, definition) {
        plugins.set(id, { ...definition, id })
        definition.onadd()
        RED.events.emit('registry:plugin-added', id)
      }
    }
  }
  plugin(RED)
  return { RED, log, hooks: plugins.get('node-red-dashboard-2-flowward').hooks }
}

/** A socket.io server's namespace, as far as the plugin sees it. */
function namespace () {
  return Object.assign(new EventEmitter(), { sockets: new Map() })
}

let count = 0

/** A socket.io socket: `incoming` runs an event through its middleware, `sent` is what reached the browser. */
function socket (nsp, assertion, issued) {
  const middleware = []
  const sent = []
  const one = {
    id: `socket-${++count}`,
    nsp,
    sent,
    disconnected: false,
    request: { headers: assertion ? { 'x-flowward-assertion': assertion } : {} },
    handshake: { issued, address: '127.0.0.1', auth: { user: { userId: 'u-root' } } },
    conn: new EventEmitter(),
    use: run => middleware.push(run),
    emit: (event, ...args) => sent.push([event, ...args]),
    disconnect () {
      one.disconnected = true
      one.conn.emit('close')
    },
    incoming (...event) {
      let passed = false
      for (const run of middleware) run(event, () => { passed = true })
      return passed || middleware.length === 0 ? event : null
    }
  }
  nsp.sockets.set(one.id, one)
  nsp.emit('connection', one)
  return one
}

module.exports = { namespace, runtime, socket }

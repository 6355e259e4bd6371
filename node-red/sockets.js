'use strict'
const { HEADER, Refused } = require('./verify')
const { partFor, userFrom, withoutClient } = require('./client')

const LONGEST_TIMER = 2 ** 31 - 1 // milliseconds; Node.js fires later ones at once
const NOBODY = Object.freeze({ user: null, endsAt: Infinity })

/** Who is behind each Dashboard socket: verified once, from the first request's headers, as of the handshake's time. */
class Sockets {
  constructor (verifier, { now = Date.now, refused = () => {} } = {}) {
    this.verifier = verifier
    this.now = now
    this.refused = refused
    this.holds = { constraint: false, since: -Infinity }
    this.identities = new WeakMap()
    this.screened = new WeakSet()
    this.admit = socket => this.#admit(socket)
  }

  /** The verified user behind a socket, or null. */
  user (socket) {
    this.#watch(socket)
    const { user, endsAt } = this.#identity(socket)
    return this.now() < endsAt ? user : null
  }

  /**
   * The newest assertion says whether the gateway lets messages meant for one user or tenant reach nobody else, whatever
   * the widget's type; of two of one second, the stricter counts. Only in here can be told whom a stored or synchronised
   * message was meant for.
   */
  heed ({ iat, constrain }) {
    const constraint = constrain === true
    if (iat > this.holds.since || (iat === this.holds.since && constraint)) this.holds = { constraint, since: iat }
  }

  /** What of a message may go out on a socket; undefined for nothing. */
  partFor (socket, msg) {
    const user = this.user(socket)
    return this.holds.constraint ? partFor(msg, user) : msg
  }

  // Dashboard has no hook for a new connection: the first socket seen leads to the server and to all others. Dashboard
  // removes every listener when its last page goes, so whether ours is still there is asked each time.
  #watch (socket) {
    this.#admit(socket)
    const server = socket.nsp
    if (server.listeners('connection').includes(this.admit)) return
    server.on('connection', this.admit)
    for (const other of server.sockets.values()) this.#admit(other)
  }

  #admit (socket) {
    if (this.screened.has(socket)) return
    this.screened.add(socket)
    this.#screenIncoming(socket)
    this.#screenOutgoing(socket)
    this.#identity(socket)
  }

  // Events of other widgets pass no hook of Dashboard's: what they claim is taken away here. An ended session is mute.
  #screenIncoming (socket) {
    socket.use((event, next) => {
      if (this.#identity(socket).endsAt <= this.now()) return socket.disconnect(true)
      for (let i = 1; i < event.length; i++) event[i] = withoutClient(event[i])
      next()
    })
  }

  // `widget-sync` tells the other tabs what one visitor changed. No hook lies between the writer's credentials and this
  // event, so who the writer was is taken out of each reader's copy.
  #screenOutgoing (socket) {
    const emit = socket.emit
    socket.emit = (event, ...args) => {
      const parts = this.holds.constraint ? args.map(arg => this.partFor(socket, arg)) : args
      if (parts.some((part, i) => part === undefined && args[i] !== undefined)) return true
      return emit.call(socket, event, ...(String(event).startsWith('widget-sync:') ? parts.map(withoutClient) : parts))
    }
  }

  #identity (socket) {
    const known = this.identities.get(socket)
    if (known) return known
    try {
      const identity = this.#verified(socket)
      this.identities.set(socket, identity)
      this.#endInTime(socket, identity.endsAt)
      return identity
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      this.refused(error)
      if (error.code !== 'unknown_key') this.identities.set(socket, NOBODY) // a key may yet become known
      return NOBODY
    }
  }

  #verified (socket) {
    const token = socket.request.headers[HEADER]
    if (!this.verifier || !token) return NOBODY
    const claims = this.verifier.verify(token, 'http', socket.handshake.issued)
    this.heed(claims)
    const endsAt = Number.isFinite(claims.session_exp) ? claims.session_exp * 1000 : Infinity
    return { user: userFrom(claims), endsAt }
  }

  #endInTime (socket, endsAt) {
    const left = Math.max(0, endsAt - this.now())
    if (left > LONGEST_TIMER) return // 24 days: the next event finds it ended
    const timer = setTimeout(() => socket.disconnect(true), left)
    timer.unref()
    // on the engine's connection, since Dashboard drops all listeners of the socket's own 'disconnect' at each deploy
    socket.conn.once('close', () => clearTimeout(timer))
  }
}

module.exports = { Sockets }

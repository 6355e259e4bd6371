'use strict'
const { createPublicKey } = require('node:crypto')

const EVERY = 300_000 // milliseconds between background refreshes; the gateway publishes a key 600 s before it signs
const APART = 5_000 // milliseconds at least between two fetches, however many unknown keys arrive
const PATIENCE = 3_000 // milliseconds for one fetch
const MOST_BYTES = 65_536
const MOST_KEYS = 32

/** The ES256 signing key in a JWK (RFC 7517, RFC 7518 section 6.2), or null if it is anything else. */
function signingKey (jwk) {
  if (!jwk || typeof jwk.kid !== 'string' || jwk.kty !== 'EC' || jwk.crv !== 'P-256') return null
  if ((jwk.alg ?? 'ES256') !== 'ES256' || (jwk.use ?? 'sig') !== 'sig') return null
  const { kty, crv, x, y } = jwk // never `d`: a private key has no business here
  try {
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' })
  } catch {
    return null // a point that is not on the curve
  }
}

/** Map of key id to public key; what is not an ES256 signing key is left out. */
function signingKeys (jwks) {
  const found = new Map()
  if (!Array.isArray(jwks?.keys)) return found
  for (const jwk of jwks.keys.slice(0, MOST_KEYS)) {
    const key = signingKey(jwk)
    if (key) found.set(jwk.kid, key)
  }
  return found
}

async function download (url) {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(PATIENCE) })
  if (!response.ok) throw new Error(`it answered ${response.status}`)
  const chunks = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > MOST_BYTES) throw new Error(`it is longer than ${MOST_BYTES} bytes`)
    chunks.push(chunk)
  }
  const keys = signingKeys(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  if (keys.size === 0) throw new Error('it holds no ES256 key')
  return keys
}

/**
 * The gateway's public keys: those pinned in settings.js, replaced by those at `jwksUrl` once it has answered.
 * A failed fetch keeps the keys there are. `now` gives milliseconds; `warn` is told when the address stops answering.
 */
class Keys {
  constructor ({ jwks, jwksUrl }, { now = Date.now, warn = () => {} } = {}) {
    this.known = signingKeys(jwks)
    this.url = jwksUrl
    this.now = now
    this.warn = warn
    this.askedAt = -Infinity
    this.pending = null
    this.answering = true
    if (!jwksUrl) return
    this.timer = setInterval(() => this.refresh(), EVERY)
    this.timer.unref()
    this.refresh()
  }

  get (kid) {
    return this.known.get(kid)
  }

  /** Resolves once the fetch that this call started or joined has ended; at once if the last was under 5 s ago. */
  refresh () {
    if (this.pending) return this.pending
    if (!this.url || this.now() - this.askedAt < APART) return Promise.resolve()
    this.askedAt = this.now()
    this.pending = this.#fetch().finally(() => { this.pending = null })
    return this.pending
  }

  async #fetch () {
    try {
      this.known = await download(this.url)
      this.answering = true
    } catch (error) {
      const why = error.cause?.code ?? error.message
      if (this.answering) this.warn(`cannot read flowward.jwksUrl ${this.url}: ${why}; the known keys stay in use`)
      this.answering = false
    }
  }

  close () {
    clearInterval(this.timer)
  }
}

module.exports = { Keys, signingKeys }

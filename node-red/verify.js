'use strict'
const { verify: verifySignature } = require('node:crypto')
const { Keys, signingKeys } = require('./keys')

const HEADER = 'x-flowward-assertion'
const LEEWAY = 30 // seconds the two clocks may differ
const LONGEST = 16_384 // characters; Node.js takes no longer header block
const SIGNATURE_BYTES = 64 // ES256: R and S of 32 bytes each (RFC 7518 section 3.4)
const BASE64URL = /^[A-Za-z0-9_-]+$/

/** An assertion that proves nothing. `code` is stable, the message is for the log. */
class Refused extends Error {
  constructor (code, message) {
    super(message)
    this.code = code
  }
}

const REMEDY = "put the output of 'flowward nodered snippet INSTANCE' beside settings.js " +
  "and add ...require('./flowward.settings.js'), to it"

function wrongSetting (settings) {
  if (!settings || typeof settings !== 'object') return "settings.js has no 'flowward'"
  const { issuer, audience, jwks, jwksUrl } = settings
  for (const [name, value] of Object.entries({ issuer, audience })) {
    if (typeof value !== 'string' || !value) return `'flowward.${name}' in settings.js must be a text and not empty`
  }
  if (jwksUrl !== undefined && !/^https?:\/\//.test(jwksUrl)) {
    return `'flowward.jwksUrl' in settings.js must start with http:// or https://, but it is '${jwksUrl}'`
  }
  if (!jwksUrl && signingKeys(jwks).size === 0) {
    return "'flowward.jwks' in settings.js holds no ES256 key and 'flowward.jwksUrl' is not set"
  }
  return null
}

/** What is wrong with `settings.flowward`, as one sentence with its remedy; null if it can be used. */
function misconfiguration (settings) {
  const wrong = wrongSetting(settings)
  return wrong && `${wrong}: ${REMEDY}`
}

const malformed = why => new Refused('malformed', why)

function object (part) {
  let value
  try {
    value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  } catch {
    throw malformed('a part of it is not JSON')
  }
  const isObject = value !== null && typeof value === 'object' && !Array.isArray(value)
  if (!isObject) throw malformed('a part of it is not an object')
  return value
}

function split (token) {
  const isText = typeof token === 'string' && token.length <= LONGEST
  if (!isText) throw malformed(`it is no text of at most ${LONGEST} characters`)
  const parts = token.split('.')
  if (parts.length !== 3 || !parts.every(part => BASE64URL.test(part))) throw malformed('it is not a compact JWS')
  return parts
}

// A signature over SHA-256 in the fixed-length form that JWS uses, not in DER.
function isSignedBy (key, signed, signature) {
  if (signature.length !== SIGNATURE_BYTES) return false
  return verifySignature('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

function checkClaims (claims, { issuer, audience, use, at }) {
  const { iss, aud, sub, exp, nbf } = claims
  if (iss !== issuer) throw new Refused('issuer', `it was not issued by flowward.issuer '${issuer}'`)
  if (aud !== audience) throw new Refused('audience', `it is not meant for flowward.audience '${audience}'`)
  if (claims.use !== use) throw new Refused('use', `its use is not '${use}'`)
  if (typeof sub !== 'string' || !sub) throw new Refused('subject', 'it names nobody')
  if (!Number.isFinite(exp) || at >= exp + LEEWAY) {
    throw new Refused('expired', `it has expired, or the clocks differ by more than ${LEEWAY} s`)
  }
  if (nbf !== undefined && !(at >= nbf - LEEWAY)) throw new Refused('not_yet_valid', 'it is not valid yet')
}

/**
 * Verifies the gateway's assertions: compact JWS (RFC 7515), ES256 alone, without a network round trip, since
 * Dashboard's hooks are synchronous.
 */
class Verifier {
  constructor (settings, { now = Date.now, warn } = {}) {
    this.issuer = settings.issuer
    this.audience = settings.audience
    this.now = now
    this.keys = new Keys(settings, { now, warn })
  }

  /**
   * The claims of a valid assertion for this `use` ('http' or 'editor'); throws Refused. `at` is the moment
   * (milliseconds) at which it must have been valid. A key that is not known yet is fetched in the background: the same
   * assertion may be accepted a moment later.
   */
  verify (token, use, at = this.now()) {
    const [head, body, signature] = split(token)
    this.#checkSignature(object(head), Buffer.from(`${head}.${body}`), Buffer.from(signature, 'base64url'))
    const claims = object(body)
    checkClaims(claims, { issuer: this.issuer, audience: this.audience, use, at: at / 1000 })
    return claims
  }

  /** Like `verify`, but waits for the keys to be fetched where the assertion's is not known yet. */
  async verifyPatiently (token, use) {
    try {
      return this.verify(token, use)
    } catch (error) {
      if (error.code !== 'unknown_key') throw error
    }
    await this.keys.refresh()
    return this.verify(token, use)
  }

  #checkSignature (header, signed, signature) {
    // RFC 8725 section 3.1: the algorithm is ours to choose; the header may only agree with it.
    if (header.alg !== 'ES256') throw new Refused('algorithm', 'it is not signed with ES256')
    // RFC 7515 section 4.1.11: an extension that must be understood, and is not, makes the JWS invalid.
    if ('crit' in header) throw new Refused('critical', 'it names critical extensions')
    const key = typeof header.kid === 'string' ? this.keys.get(header.kid) : undefined
    if (!key) {
      this.keys.refresh()
      throw new Refused('unknown_key', 'its key is not known')
    }
    if (!isSignedBy(key, signed, signature)) throw new Refused('signature', 'its signature is wrong')
  }

  close () {
    this.keys.close()
  }
}

module.exports = { HEADER, Refused, Verifier, misconfiguration }

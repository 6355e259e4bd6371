'use strict'
const { createHmac, generateKeyPairSync, sign } = require('node:crypto')
const { createServer } = require('node:http')
const { once } = require('node:events')

const ISSUER = 'http://localhost:8080'
const AUDIENCE = 'line-3'
const NOW = 1_800_000_000_000 // milliseconds

const encode = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A key pair with its key id and the public JWK of it. */
function keyPair (kid) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } }
}

/** The claims of an assertion issued at `now` (milliseconds). */
function claimsFor (now, changes = {}) {
  const iat = Math.floor(now / 1000)
  return {
    iss: ISSUER, aud: AUDIENCE, sub: 'u-ada', username: 'ada', email: 'ada@acme.example', name: 'Ada', role: 'member',
    tenant: 'acme', groups: ['ops'], tags: { shift: 'early' }, sso_groups: ['staff'], provider: 'corp', ip: '203.0.113.7',
    amr: ['pwd'], session: 's-1', use: 'http', iat, exp: iat + 60, ...changes
  }
}

function es256 (data, privateKey) {
  return sign('sha256', Buffer.from(data), { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

/** A compact JWS; `header` and `claims` are changes to the usual ones, `signer` makes the signature's bytes. */
function mint (key, { now = NOW, header = {}, claims = {}, signer = data => es256(data, key.privateKey) } = {}) {
  const signed = `${encode({ alg: 'ES256', typ: 'JWT', kid: key.kid, ...header })}.${encode(claimsFor(now, claims))}`
  return `${signed}.${signer(signed).toString('base64url')}`
}

const hs256 = secret => data => createHmac('sha256', secret).update(data).digest()

/** A key server on loopback; what it answers can be changed while it runs. */
async function keyServer (keys) {
  const state = { keys, asked: 0, status: 200, body: null }
  const server = createServer((req, res) => {
    state.asked++
    res.writeHead(state.status, { 'content-type': 'application/json' })
    res.end(state.body ?? JSON.stringify({ keys: state.keys.map(key => key.jwk) }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  state.url = `http://127.0.0.1:${server.address().port}/-/jwks.json`
  state.close = () => new Promise(resolve => { server.close(resolve); server.closeAllConnections?.() })
  return state
}

const settingsFor = (...keys) => ({ issuer: ISSUER, audience: AUDIENCE, jwks: { keys: keys.map(key => key.jwk) } })

module.exports = { AUDIENCE, ISSUER, NOW, encode, hs256, keyPair, keyServer, mint, settingsFor }

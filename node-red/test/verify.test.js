'use strict'
const assert = require('node:assert/strict')
const { test } = require('node:test')
const { Verifier, misconfiguration } = require('../verify')
const { AUDIENCE, NOW, encode, hs256, keyPair, keyServer, mint, settingsFor } = require('./minting')

const key = keyPair('one')
const rogue = keyPair('one')
const verifier = new Verifier(settingsFor(key), { now: () => NOW })
const pem = key.publicKey.export({ type: 'spki', format: 'pem' })
const seconds = NOW / 1000

test('a valid assertion yields its claims', () => {
  assert.equal(verifier.verify(mint(key), 'http').sub, 'u-ada')
})

const refused = [
  // heading, code, token
  ['signed with another key of the same id', 'signature', mint(rogue)],
  ['with the key it brings along', 'signature', mint(rogue, { header: { jwk: rogue.jwk } })],
  ['with an address for its key', 'unknown_key', mint(rogue, { header: { kid: 'elsewhere', jku: 'http://127.0.0.1:9/keys' } })],
  ['with a path as key id', 'unknown_key', mint(key, { header: { kid: '../../dev/null' } })],
  ['without a key id', 'unknown_key', mint(key, { header: { kid: undefined } })],
  ['with an object as key id', 'unknown_key', mint(key, { header: { kid: { one: 1 } } })],
  ['that is not signed, and says so', 'algorithm', mint(key, { header: { alg: 'none' } })],
  ['without a signature', 'malformed', mint(key, { signer: () => Buffer.alloc(0) })],
  ['signed by HMAC with the public key as secret', 'algorithm', mint(key, { header: { alg: 'HS256' }, signer: hs256(pem) })],
  ['signed by HMAC and called ES256', 'signature', mint(key, { signer: hs256(pem) })],
  ['that names another algorithm', 'algorithm', mint(key, { header: { alg: 'ES384' } })],
  ['without an algorithm', 'algorithm', mint(key, { header: { alg: undefined } })],
  ['with a signature of zeros', 'signature', mint(key, { signer: () => Buffer.alloc(64) })],
  ['with a truncated signature', 'signature', mint(key).slice(0, -2)],
  ['with a lengthened signature', 'signature', `${mint(key)}AAAA`],
  ['with other claims under the same signature', 'signature', withOtherClaims()],
  ['with critical extensions', 'critical', mint(key, { header: { crit: ['b64'], b64: false } })],
  ['with an empty list of critical extensions', 'critical', mint(key, { header: { crit: [] } })],
  ['of yesterday', 'expired', mint(key, { now: NOW - 86_400_000 })],
  ['that ended 30 s ago', 'expired', mint(key, { claims: { exp: seconds - 30 } })],
  ['that never ends', 'expired', mint(key, { claims: { exp: undefined } })],
  ['whose end is a text', 'expired', mint(key, { claims: { exp: String(seconds + 60) } })],
  ['not valid before tomorrow', 'not_yet_valid', mint(key, { claims: { nbf: seconds + 86_400 } })],
  ['for another instance', 'audience', mint(key, { claims: { aud: 'line-4' } })],
  ['for several instances', 'audience', mint(key, { claims: { aud: [AUDIENCE, 'line-4'] } })],
  ['for nobody', 'audience', mint(key, { claims: { aud: undefined } })],
  ['of another issuer', 'issuer', mint(key, { claims: { iss: 'http://evil.example' } })],
  ['of no issuer', 'issuer', mint(key, { claims: { iss: undefined } })],
  ['for the editor', 'use', mint(key, { claims: { use: 'editor' } })],
  ['for no use', 'use', mint(key, { claims: { use: undefined } })],
  ['about nobody', 'subject', mint(key, { claims: { sub: '' } })],
  ['about a number', 'subject', mint(key, { claims: { sub: 7 } })],
  ['in two parts', 'malformed', mint(key).split('.').slice(0, 2).join('.')],
  ['in four parts', 'malformed', `${mint(key)}.AAAA`],
  ['that arrived twice in one header', 'malformed', `${mint(key)}, ${mint(key)}`],
  ['called a bearer token', 'malformed', `Bearer ${mint(key)}`],
  ['that is no JSON', 'malformed', `${encode('{')}.${encode('{')}.AAAA`],
  ['whose parts are null', 'malformed', `${encode('null')}.${encode('null')}.AAAA`],
  ['whose parts are lists', 'malformed', `${encode('[]')}.${encode('[]')}.AAAA`],
  ['longer than any header', 'malformed', 'a'.repeat(16_385)],
  ['that is not there', 'malformed', undefined]
]

function withOtherClaims () {
  const [head, , signature] = mint(key).split('.')
  const [, body] = mint(rogue, { claims: { sub: 'u-root' } }).split('.')
  return `${head}.${body}.${signature}`
}

for (const [heading, code, token] of refused) {
  test(`an assertion ${heading} is refused`, () => {
    assert.throws(() => verifier.verify(token, 'http'), { code })
  })
}

test('an assertion that ended 29 s ago still counts, since clocks differ', () => {
  assert.equal(verifier.verify(mint(key, { claims: { exp: seconds - 29 } }), 'http').sub, 'u-ada')
})

test('an assertion counts at the moment asked about', () => {
  const token = mint(key)
  assert.equal(verifier.verify(token, 'http', NOW + 60_000).sub, 'u-ada')
  assert.throws(() => verifier.verify(token, 'http', NOW + 3_600_000), { code: 'expired' })
})

test('keys for other algorithms and other uses are left out', () => {
  const odd = [{ ...key.jwk, alg: 'ES384' }, { ...key.jwk, use: 'enc' }, { ...key.jwk, kty: 'oct', k: 'AAAA' }, { ...key.jwk, x: 'AAAA' }, null, 'one']
  for (const jwk of odd) {
    const other = new Verifier({ ...settingsFor(), jwks: { keys: [jwk] } }, { now: () => NOW })
    assert.throws(() => other.verify(mint(key), 'http'), { code: 'unknown_key' })
  }
})

test('a new key is known after a refresh, and the same assertion then counts', async t => {
  const next = keyPair('two')
  const server = await keyServer([key])
  const clock = { now: NOW }
  const fresh = new Verifier({ ...settingsFor(key), jwksUrl: server.url }, { now: () => clock.now })
  t.after(async () => { fresh.close(); await server.close() })
  await fresh.keys.refresh()
  server.keys = [key, next]
  const token = mint(next)

  assert.throws(() => fresh.verify(token, 'http'), { code: 'unknown_key' })
  assert.equal(server.asked, 1, 'a second fetch within 5 s')
  clock.now += 5_000
  assert.throws(() => fresh.verify(token, 'http'), { code: 'unknown_key' })
  await fresh.keys.refresh()
  assert.equal(fresh.verify(token, 'http').sub, 'u-ada')
  assert.equal(server.asked, 2)
})

test('a patient caller gets its answer once the key is fetched', async t => {
  const server = await keyServer([key])
  const fresh = new Verifier({ ...settingsFor(), jwksUrl: server.url }, { now: () => NOW })
  t.after(async () => { fresh.close(); await server.close() })
  assert.equal((await fresh.verifyPatiently(mint(key), 'http')).sub, 'u-ada')
})

test('a key the gateway has withdrawn no longer counts, though settings.js names it', async t => {
  const next = keyPair('two')
  const server = await keyServer([next])
  const fresh = new Verifier({ ...settingsFor(key), jwksUrl: server.url }, { now: () => NOW })
  t.after(async () => { fresh.close(); await server.close() })
  await fresh.keys.refresh()
  assert.throws(() => fresh.verify(mint(key), 'http'), { code: 'unknown_key' })
})

const bad = [
  // heading, what the key server answers
  ['an error', { status: 503 }],
  ['no JSON', { body: '<html>' }],
  ['no keys', { body: '{"keys":[]}' }],
  ['too much', { body: ' '.repeat(70_000) }],
  ['a redirect', { status: 302 }]
]
for (const [heading, answer] of bad) {
  test(`a key server that answers ${heading} leaves the known keys in use, and is told of once`, async t => {
    const server = Object.assign(await keyServer([]), answer)
    const warnings = []
    const clock = { now: NOW }
    const fresh = new Verifier({ ...settingsFor(key), jwksUrl: server.url }, { now: () => clock.now, warn: message => warnings.push(message) })
    t.after(async () => { fresh.close(); await server.close() })
    await fresh.keys.refresh()
    clock.now += 5_000
    await fresh.keys.refresh()
    assert.equal(fresh.verify(mint(key), 'http').sub, 'u-ada')
    assert.equal(warnings.length, 1)
    assert.match(warnings[0], /flowward\.jwksUrl/)
  })
}

const wrong = [
  // settings, what the message names
  [undefined, /'flowward'/],
  [{ ...settingsFor(key), issuer: '' }, /'flowward\.issuer'/],
  [{ ...settingsFor(key), audience: undefined }, /'flowward\.audience'/],
  [{ ...settingsFor(key), jwks: undefined }, /'flowward\.jwks'/],
  [{ ...settingsFor(), jwks: { keys: [] } }, /'flowward\.jwks'/],
  [{ ...settingsFor(key), jwksUrl: 'ftp://gateway' }, /'flowward\.jwksUrl'/]
]
for (const [settings, names] of wrong) {
  test(`settings that cannot work are told with the setting's name, ${names}, and the remedy`, () => {
    assert.match(misconfiguration(settings), names)
    assert.match(misconfiguration(settings), /flowward nodered snippet/)
  })
}

test('settings with keys, or with an address alone, can be used', () => {
  assert.equal(misconfiguration(settingsFor(key)), null)
  assert.equal(misconfiguration({ ...settingsFor(), jwksUrl: 'http://localhost:8080/-/jwks.json' }), null)
})

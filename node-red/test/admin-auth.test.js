'use strict'
const assert = require('node:assert/strict')
const { test } = require('node:test')
const adminAuth = require('../admin-auth')
const { NOW, keyPair, mint, settingsFor } = require('./minting')

const key = keyPair('one')
const auth = adminAuth(settingsFor(key), { now: () => NOW })
const editor = (claims = {}) => mint(key, { claims: { use: 'editor', permissions: ['flows.read', 'settings.read'], ...claims } })

test('the editor opens with the permissions the gateway gives', async () => {
  assert.deepEqual(await auth.tokens(editor({ image: 'https://acme.example/ada.png' })), {
    username: 'ada', image: 'https://acme.example/ada.png', permissions: ['flows.read', 'settings.read']
  })
})

test('a visitor without a username is called by the user id', async () => {
  assert.equal((await auth.tokens(editor({ username: undefined }))).username, 'u-ada')
})

const refused = [
  ['the assertion a flow has received', mint(key, { claims: { permissions: ['*'] } })],
  ['an assertion without permissions', editor({ permissions: undefined })],
  ['an assertion with empty permissions', editor({ permissions: [] })],
  ['permissions that are a text', editor({ permissions: '*' })],
  ['permissions that are no texts', editor({ permissions: [{}] })],
  ['a role alone', editor({ permissions: undefined, role: 'owner' })],
  ["another key's assertion", mint(keyPair('one'), { claims: { use: 'editor', permissions: ['*'] } })],
  ['an expired assertion', editor({ exp: NOW / 1000 - 31 })],
  ['nonsense', 'x']
]
for (const [heading, token] of refused) {
  test(`${heading} does not open the editor`, async () => {
    assert.equal(await auth.tokens(token), null)
  })
}

test('it reads one header, knows no passwords and offers no login form', async () => {
  assert.equal(auth.tokenHeader, 'x-flowward-assertion')
  assert.equal(await auth.users('ada'), null)
  assert.ok(!('type' in auth) && !('default' in auth))
})

test('without usable settings the editor stays closed, and the log says why', async t => {
  const warned = t.mock.method(console, 'warn', () => {})
  const closed = adminAuth({ ...settingsFor(key), audience: undefined })
  assert.equal(await closed.tokens(editor()), null)
  assert.match(warned.mock.calls[0].arguments[0], /flowward\.audience/)
})

'use strict'
const assert = require('node:assert/strict')
const { once } = require('node:events')
const { test } = require('node:test')
const { namespace, runtime, socket } = require('./dashboard')
const { keyPair, keyServer, mint, settingsFor } = require('./minting')

const now = Date.now()
const key = keyPair('one')
const ADA = {
  userId: 'u-ada', username: 'ada', email: 'ada@acme.example', name: 'Ada', role: 'member', tenant: 'acme', groups: ['ops'],
  tags: { shift: 'early' }, SSOGroups: ['staff'], provider: 'flowward', ip: '203.0.113.7'
}
const token = (claims = {}) => mint(key, { now, claims })
const bob = { sub: 'u-bob', username: 'bob' }
const eve = { sub: 'u-eve', username: 'eve', tenant: 'umbrella' }

function dashboard () {
  const nsp = namespace()
  const { hooks, log } = runtime(settingsFor(key))
  return { hooks, log, nsp, connect: (assertion, issued = now) => socket(nsp, assertion, issued) }
}

test('D-03: a message carries exactly the verified user', () => {
  const { hooks, connect } = dashboard()
  assert.deepEqual(hooks.onAddConnectionCredentials(connect(token()), { payload: 1 }), { payload: 1, _client: { user: ADA } })
})

test('claims that are absent or null leave no trace', () => {
  const { hooks, connect } = dashboard()
  const few = token({ email: undefined, tenant: null, groups: undefined, tags: undefined, sso_groups: undefined, ip: undefined })
  const { user } = hooks.onAddConnectionCredentials(connect(few), {})._client
  assert.deepEqual(user, { userId: 'u-ada', username: 'ada', name: 'Ada', role: 'member', provider: 'flowward' })
})

test('each message has a user of its own, which a flow may change', () => {
  const { hooks, connect } = dashboard()
  const conn = connect(token())
  hooks.onAddConnectionCredentials(conn, {})._client.user.groups.push('admins')
  assert.deepEqual(hooks.onAddConnectionCredentials(conn, {})._client.user.groups, ['ops'])
})

const forged = { user: { userId: 'u-root' }, tenant: 'umbrella', isAdmin: true, socketId: 'other' }

for (const [who, assertion, expected] of [['a user', token(), { user: ADA }], ['a visitor without user', undefined, {}]]) {
  test(`whatever the browser of ${who} claims in _client is wiped`, () => {
    const { hooks, connect } = dashboard()
    const conn = connect(assertion)
    assert.deepEqual(hooks.onAddConnectionCredentials(conn, { _client: { ...forged } })._client, expected)
    const list = hooks.onAddConnectionCredentials(conn, [{ _client: { ...forged } }, [{ _client: forged.user }], 'text'])
    assert.deepEqual(list, [{ _client: expected }, [{ _client: expected }], 'text'])
  })
}

test('D-06: the user that the browser sends in the socket handshake is ignored', () => {
  const { hooks, connect } = dashboard()
  assert.deepEqual(hooks.onAddConnectionCredentials(connect(undefined), {})._client, {})
})

for (const hook of ['onAction', 'onSend', 'onChange', 'onLoad']) {
  test(`${hook} takes away any _client and leaves everything else`, () => {
    const { hooks, connect } = dashboard()
    const conn = connect(token())
    const msg = { payload: 1, _client: { ...forged } }
    assert.deepEqual(hooks[hook](conn, 'w', msg), { payload: 1 })
    assert.deepEqual(hooks[hook](conn, 'w', [msg, [msg]]), [{ payload: 1 }, [{ payload: 1 }]])
    for (const other of ['text', 0, null, undefined]) assert.equal(hooks[hook](conn, 'w', other), other)
  })
}

test('events that pass no hook of Dashboard lose their _client as well', () => {
  const { hooks, connect } = dashboard()
  const first = connect(token())
  hooks.onLoad(first, 'w', undefined)
  for (const conn of [first, connect(undefined)]) {
    assert.deepEqual(conn.incoming('ui-event', 'all', { topic: '$pageview', _client: forged }), ['ui-event', 'all', { topic: '$pageview' }])
    assert.deepEqual(conn.incoming('custom', [{ _client: forged }], 'x'), ['custom', [{}], 'x'])
  }
})

test('the other tabs learn what was changed, not by whom', () => {
  const { hooks, connect } = dashboard()
  const reader = connect(undefined)
  hooks.onChange(connect(token()), 'inp', {})
  const late = connect(undefined)
  const msg = { payload: 'typed', _client: { socketId: 's', user: ADA } }
  for (const conn of [reader, late]) {
    conn.emit('widget-sync:inp', msg)
    conn.emit('msg-input:inp', msg)
    assert.deepEqual(conn.sent, [['widget-sync:inp', { payload: 'typed' }], ['msg-input:inp', msg]])
  }
  assert.deepEqual(msg._client.user, ADA, 'the flow still sees the writer')
})

function enforcing () {
  const place = dashboard()
  place.hooks.onLoad(place.connect(token({ constrain: true })), 'w', undefined)
  return place
}
const HERS = { payload: 'hers', _client: { user: ADA } }

test('D-11: where the gateway enforces the constraint, no event of any widget leaves for others than those it is meant for', () => {
  const { connect } = enforcing()
  const [ada, ben, nobody] = [token(), token(bob), undefined].map(assertion => connect(assertion))
  const ours = { payload: 'ours', _client: { tenant: 'acme' } }
  for (const conn of [ada, ben, nobody]) {
    conn.emit('msg-input:text', HERS)
    conn.emit('widget-sync:inp', HERS)
    conn.emit('msg-input:text', ours)
    conn.emit('msg-input:chart', [HERS, { payload: 'all' }])
    conn.emit('msg-input:chart', [HERS])
    conn.emit('ui-config', 'base', { pages: {} })
  }
  assert.deepEqual(ada.sent.map(([event]) => event.slice(0, 15)), ['msg-input:text', 'widget-sync:inp', 'msg-input:text', 'msg-input:chart', 'msg-input:chart', 'ui-config'])
  assert.deepEqual(ben.sent, [['msg-input:text', ours], ['msg-input:chart', [{ payload: 'all' }]], ['ui-config', 'base', { pages: {} }]])
  assert.deepEqual(nobody.sent, [['msg-input:chart', [{ payload: 'all' }]], ['ui-config', 'base', { pages: {} }]])
})

test('D-11: what was stored for one is then loaded by nobody else', () => {
  const { hooks, connect } = enforcing()
  const readers = [token(), token(bob), undefined].map(assertion => connect(assertion))
  assert.deepEqual(readers.map(conn => hooks.onLoad(conn, 'w', HERS)), [{ payload: 'hers' }, undefined, undefined])
  const history = [HERS, { payload: 'all' }]
  assert.deepEqual(readers.map(conn => hooks.onLoad(conn, 'w', history)?.length), [2, 1, 1])
})

test('what comes later for everybody is not taken for what came before it for one', () => {
  const { hooks, connect } = enforcing()
  const stored = { ...HERS, ...hooks.onInput({ payload: 'for all' }) }
  assert.deepEqual(hooks.onLoad(connect(token(bob)), 'w', stored), { payload: 'for all' })
  assert.deepEqual(hooks.onInput(HERS), HERS)
})

test('whether the constraint is enforced is what the newest assertion says', () => {
  const { hooks, connect } = enforcing()
  const reader = connect(token(bob))
  const heard = () => { reader.sent.length = 0; reader.emit('msg-input:text', HERS); return reader.sent.length }
  assert.equal(heard(), 0)
  hooks.onSetup({ path: '/dashboard' }, { headers: { 'x-flowward-assertion': token({ iat: Math.floor(now / 1000) - 10 }) } })
  assert.equal(heard(), 0, 'an older one')
  hooks.onSetup({ path: '/dashboard' }, { headers: { 'x-flowward-assertion': `${token({ iat: Math.floor(now / 1000) + 1 })}x` } })
  assert.equal(heard(), 0, 'a forged one')
  hooks.onSetup({ path: '/dashboard' }, { headers: { 'x-flowward-assertion': token({ iat: Math.floor(now / 1000) + 1 }) } })
  assert.equal(heard(), 1)
})

test('a message is left as it is where nothing is enforced', () => {
  const { hooks } = dashboard()
  assert.deepEqual(Object.keys(hooks.onInput({ payload: 1 })), ['payload'])
})

test('sockets are still looked after when Dashboard has removed all listeners', () => {
  const { hooks, nsp, connect } = dashboard()
  hooks.onLoad(connect(token()), 'w', undefined)
  nsp.removeAllListeners()
  const reader = connect(undefined)
  hooks.onLoad(connect(token()), 'w', undefined)
  reader.emit('widget-sync:inp', { _client: { user: ADA } })
  assert.deepEqual(reader.sent, [['widget-sync:inp', {}]])
})

const constraints = [
  // heading, _client, reaches [ada, ada's other tab, bob (same tenant), eve (other tenant), nobody]
  ['no _client', undefined, [true, true, true, true, true]],
  ['only a socket address', { socketIp: '127.0.0.1' }, [true, true, true, true, true]],
  ['a user', { user: ADA }, [true, true, false, false, false]],
  ['a user by id alone', { user: { userId: 'u-bob' } }, [false, false, true, false, false]],
  ['a tenant', { tenant: 'acme' }, [true, true, true, false, false]],
  ['a user that is only a tenant', { user: { tenant: 'umbrella' } }, [false, false, false, true, false]],
  ['a tenant and a user of it', { tenant: 'acme', user: { userId: 'u-bob' } }, [false, false, true, false, false]],
  ['a tenant and a user of another', { tenant: 'acme', user: { userId: 'u-eve' } }, [false, false, false, false, false]],
  ['a user without id or tenant', { user: { username: 'ada' } }, [false, false, false, false, false]],
  ['an empty user', { user: {} }, [false, false, false, false, false]],
  ['a null user', { user: null }, [true, true, true, true, true]],
  ['an empty text as tenant', { tenant: '' }, [false, false, false, false, false]]
]
for (const [heading, _client, expected] of constraints) {
  test(`D-02, D-04, D-05: a message constrained to ${heading} reaches those it is meant for`, () => {
    const { hooks, connect } = dashboard()
    const readers = [token(), token(), token(bob), token(eve), undefined].map(assertion => connect(assertion))
    assert.deepEqual(readers.map(conn => hooks.onIsValidConnection(conn, { _client })), expected)
    assert.deepEqual(readers.map(conn => hooks.onIsValidConnection(conn, [{}, { _client }])), expected)
  })
}

test('D-04: what is meant for a user or tenant is not stored for others to load', () => {
  const { hooks } = dashboard()
  const verdicts = [{ user: ADA }, { tenant: 'acme' }, { user: {} }, { socketIp: '127.0.0.1' }, undefined].map(_client => hooks.onCanSaveInStore({ _client }))
  assert.deepEqual(verdicts, [false, false, false, true, true])
  assert.equal(hooks.onCanSaveInStore([{}, { _client: { user: ADA } }]), false)
  assert.equal(hooks.onCanSaveInStore(undefined), true)
})

test('D-14: _setup names the visitor for display and keeps the socket path', () => {
  const { hooks } = dashboard()
  const req = { headers: { 'x-flowward-assertion': token() } }
  assert.deepEqual(hooks.onSetup({ path: '/dashboard' }, req), { user: ADA, socketio: { path: '/dashboard/socket.io', auth: { user: ADA } } })
})

test('_setup of a visitor without user is left as it is', () => {
  const { hooks } = dashboard()
  for (const headers of [{}, { 'x-flowward-assertion': 'forged' }]) assert.deepEqual(hooks.onSetup({ path: '/dashboard' }, { headers }), {})
})

test('_setup keeps the node root in the socket path', () => {
  const req = { headers: { 'x-flowward-assertion': token() } }
  for (const [root, expected] of [['/n', '/n/ui/socket.io'], ['n/', '/n/ui/socket.io'], [undefined, '/ui/socket.io']]) {
    const { hooks } = runtime(settingsFor(key), [], root)
    assert.equal(hooks.onSetup({ path: '/ui' }, req).socketio.path, expected)
  }
})

test('an identity outlives its assertion: it counts as of the handshake', () => {
  const { hooks, connect } = dashboard()
  const longAgo = now - 3_600_000
  const conn = connect(mint(key, { now: longAgo }), longAgo)
  assert.equal(hooks.onAddConnectionCredentials(conn, {})._client.user.userId, 'u-ada')
})

test('an assertion that had expired at the handshake makes no user', () => {
  const { hooks, connect } = dashboard()
  assert.deepEqual(hooks.onAddConnectionCredentials(connect(mint(key, { now: now - 3_600_000 })), {})._client, {})
})

test("the editor's assertion makes no user in a dashboard", () => {
  const { hooks, connect } = dashboard()
  const conn = connect(token({ use: 'editor', permissions: ['*'] }))
  assert.deepEqual(hooks.onAddConnectionCredentials(conn, {})._client, {})
})

test('the socket of a session that has ended is closed and says nothing more', async () => {
  const { hooks, connect } = dashboard()
  const conn = connect(token({ session_exp: Math.floor(now / 1000) - 1 }))
  assert.deepEqual(hooks.onAddConnectionCredentials(conn, {})._client, {})
  assert.equal(conn.incoming('widget-action', 'btn', {}), null)
  assert.ok(conn.disconnected)
})

test('a socket is closed when its session ends', { timeout: 5_000 }, async () => {
  const { hooks, connect } = dashboard()
  const conn = connect(token({ session_exp: Date.now() / 1000 + 0.2 }))
  const closed = once(conn.conn, 'close')
  const hold = setTimeout(() => {}, 5_000) // the plugin's own timer does not keep a process alive
  assert.equal(hooks.onAddConnectionCredentials(conn, {})._client.user.userId, 'u-ada')
  await closed
  clearTimeout(hold)
  assert.ok(conn.disconnected)
})

test('a session that ends in months is not closed now', () => {
  const { hooks, connect } = dashboard()
  const conn = connect(token({ session_exp: now / 1000 + 90 * 86_400 }))
  assert.equal(hooks.onAddConnectionCredentials(conn, {})._client.user.userId, 'u-ada')
  assert.ok(!conn.disconnected)
})

test('a socket whose key was unknown has its user as soon as the key is known', async t => {
  const next = keyPair('two')
  const server = await keyServer([next])
  t.after(() => server.close())
  const { hooks } = runtime({ ...settingsFor(), jwksUrl: server.url })
  const conn = socket(namespace(), mint(next, { now }), now)
  const deadline = Date.now() + 5_000
  while (!hooks.onAddConnectionCredentials(conn, {})._client.user && Date.now() < deadline) await new Promise(resolve => setImmediate(resolve))
  assert.equal(hooks.onAddConnectionCredentials(conn, {})._client.user.userId, 'u-ada')
})

test('each kind of refused assertion is told once, with its reason', () => {
  const { hooks, log, connect } = dashboard()
  for (const claims of [{ aud: 'line-4' }, { aud: 'line-5' }, { iss: 'x' }]) hooks.onAddConnectionCredentials(connect(token(claims)), {})
  assert.deepEqual(log.map(([level]) => level), ['warn', 'warn'])
  assert.match(log[0][1], /audience.*'line-3'/)
  assert.match(log[1][1], /issuer/)
})

test('without usable settings everybody is without user, and the log names the setting', () => {
  const { hooks, log } = runtime({ ...settingsFor(), audience: undefined })
  const conn = socket(namespace(), token(), now)
  assert.deepEqual(hooks.onAddConnectionCredentials(conn, { _client: forged })._client, {})
  assert.deepEqual(hooks.onSetup({ path: '/dashboard' }, { headers: { 'x-flowward-assertion': token() } }), {})
  assert.equal(hooks.onIsValidConnection(conn, { _client: { user: ADA } }), false)
  assert.equal(log[0][0], 'error')
  assert.match(log[0][1], /flowward\.audience/)
})

test('another plugin that writes msg._client is warned of, whenever it comes', () => {
  const before = { id: 'cloudflare', type: 'node-red-dashboard-2', hooks: { onAddConnectionCredentials: () => {} } }
  const { RED, log } = runtime(settingsFor(key), [before, { id: 'theme', type: 'node-red-dashboard-2', hooks: {} }])
  RED.plugins.registerPlugin('authelia', { type: 'node-red-dashboard-2', auth: true, onadd () {} })
  RED.plugins.registerPlugin('library', { type: 'node-red-library-source', onadd () {} })
  assert.deepEqual(log.map(([level, message]) => [level, message.match(/'(.*?)'/)[1]]), [['warn', 'cloudflare'], ['warn', 'authelia']])
})

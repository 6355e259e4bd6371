'use strict'
// Pure rules about msg._client: what is put there, what is taken away, whom it constrains a message to.

/** `msg` with `change` applied to it, or to each message in it where it is an array; whatever is no message stays. */
function eachMessage (msg, change) {
  if (Array.isArray(msg)) return msg.map(item => eachMessage(item, change))
  return msg !== null && typeof msg === 'object' ? change(msg) : msg
}

/** `msg` without any `_client`. The message given is left as it is. */
function withoutClient (msg) {
  return eachMessage(msg, ({ _client, ...rest }) => rest)
}

/** `msg` whose `_client` is ours alone: nothing that the browser or an earlier visitor put there survives. */
function withUser (msg, user) {
  return eachMessage(msg, item => {
    item._client = user ? { user: structuredClone(user) } : {}
    return item
  })
}

/** The user that flows see, from the claims of a verified assertion. */
function userFrom (claims) {
  const user = {
    userId: claims.sub,
    username: claims.username,
    email: claims.email,
    name: claims.name,
    image: claims.image,
    role: claims.role,
    tenant: claims.tenant,
    groups: claims.groups,
    tags: claims.tags,
    SSOGroups: claims.sso_groups,
    provider: 'flowward',
    ip: claims.ip
  }
  return Object.fromEntries(Object.entries(user).filter(([, value]) => value !== undefined && value !== null))
}

/**
 * `msg` with a `_client` in any case. Dashboard stores a message over the one before it, whose `_client` would remain
 * where the later one has none, and then say of what is for everybody that it was for one.
 */
function ownClient (msg) {
  return eachMessage(msg, item => {
    if (!('_client' in item)) item._client = undefined
    return item
  })
}

const set = value => value !== undefined && value !== null

/**
 * Whether a message may go to a visitor (null: without user). `_client.user` means all sockets of that user,
 * `_client.tenant`, or a `user` with a tenant and no userId, all sockets of that tenant. A user that names neither
 * reaches nobody.
 */
function reaches (msg, visitor) {
  if (Array.isArray(msg)) return msg.every(item => reaches(item, visitor))
  const { user, tenant } = msg?._client ?? {}
  if (set(tenant) && visitor?.tenant !== tenant) return false
  if (!set(user)) return true
  if (set(user.userId)) return visitor?.userId === user.userId
  return set(user.tenant) && visitor?.tenant === user.tenant
}

/**
 * What of `msg` may go to a visitor: all of it, those of its messages that reach them where it is an array, or
 * undefined.
 */
function partFor (msg, visitor) {
  if (!Array.isArray(msg)) return reaches(msg, visitor) ? msg : undefined
  const parts = msg.map(item => partFor(item, visitor)).filter(part => part !== undefined)
  return parts.length || msg.length === 0 ? parts : undefined
}

/** Whether a message is meant for one user or tenant, so that Dashboard must not keep it for others to load. */
function isConstrained (msg) {
  if (Array.isArray(msg)) return msg.some(isConstrained)
  return set(msg?._client?.user) || set(msg?._client?.tenant)
}

module.exports = { isConstrained, ownClient, partFor, reaches, userFrom, withUser, withoutClient }

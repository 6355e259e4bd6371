// An OpenID Connect provider for the tests: node oidc_provider.mjs, with what it is to be as JSON on standard input.
// It says "ready" when it listens, and ends when standard input does. Every start signs with new keys.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const lines = createInterface({ input: process.stdin })
lines.once('line', line => start(JSON.parse(line)))
lines.on('close', () => process.exit(0))

async function start ({ modules, issuer, port, clients, accounts }) {
    const found = createRequire(pathToFileURL(`${modules}/x.js`)).resolve('oidc-provider')
    const { Provider } = await import(pathToFileURL(found))
    const pairs = {
        RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
        ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' })
    }
    const keys = Object.entries(pairs).map(([alg, { privateKey }]) => ({
        ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig'
    }))
    const provider = new Provider(issuer, {
        clients,
        jwks: { keys },
        // Its own way out refuses loopback addresses, where the gateway of a test is.
        fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
        cookies: { keys: ['not a secret'] },
        claims: {
            openid: ['sub'],
            email: ['email', 'email_verified'],
            profile: ['name', 'preferred_username', 'groups']
        },
        features: {
            devInteractions: { enabled: true },
            backchannelLogout: { enabled: true },
            introspection: { enabled: true },
            revocation: { enabled: true }
        },
        issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
        findAccount: (ctx, id) => accounts[id] && {
            accountId: id,
            claims: () => ({ sub: id, ...accounts[id] })
        },
        // Nobody is asked to agree: who has logged in goes straight back.
        loadExistingGrant: async ctx => {
            const grant = new ctx.oidc.provider.Grant({
                clientId: ctx.oidc.client.clientId,
                accountId: ctx.oidc.session.accountId
            })
            grant.addOIDCScope(ctx.oidc.params.scope)
            await grant.save()
            return grant
        }
    })
    createServer(provider.callback()).listen(port, '127.0.0.1', () => console.log('ready'))
}

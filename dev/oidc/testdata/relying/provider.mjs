// The reference: the certified provider oidc-provider, put through the same suite, so that a test
// which it does not pass is known to be a wrong test.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { generateKeyPair, exportJWK } from 'jose';
import { Provider, interactionPolicy } from 'oidc-provider';

const { issuer, port, clients, people } = JSON.parse(await text(process.stdin));

async function key(alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: alg };
}

// It has this prompt only for whoever adds it.
const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);

const provider = new Provider(issuer, {
  clients,
  jwks: { keys: [await key('RS256'), await key('ES256')] },
  cookies: { keys: ['for tests only'] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  scopes: ['openid', 'offline_access'],
  conformIdTokenClaims: false,
  // Its own way refuses to call this machine, where the client that it tells of a logout runs.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  issueRefreshToken: (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    registration: { enabled: true },
    revocation: { enabled: true },
  },
  interactions: { policy, url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => {
    const person = people.find(({ email }) => email === id);
    return person && { accountId: id, claims: () => ({ sub: id, email: id, email_verified: true, name: person.name }) };
  },
});

provider.on('backchannel.error', (ctx, error) => console.error('back-channel logout:', error));

/** Signs a person in and consents to everything, in one press. */
async function decide(request, response, { grantId, params, missing }, accountId) {
  if (!accountId) {
    return provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'denied' });
  }
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return provider.interactionFinished(request, response,
    { login: { accountId }, consent: { grantId: await grant.save() }, select_account: {} });
}

const ours = provider.callback();
createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return ours(request, response);
  if (request.method === 'POST') {
    const chosen = new URLSearchParams(await text(request)).get('as');
    return decide(request, response, await provider.interactionDetails(request, response), chosen);
  }
  const buttons = people.map(({ name, email }) => `<button name="as" value="${email}">${name} ${email}</button>`);
  response.setHeader('Content-Type', 'text/html');
  return response.end(`<form method="post">${buttons.join('')}<button name="as" value="">Deny</button></form>`);
}).listen(port, '127.0.0.1', () => console.log('listening'));

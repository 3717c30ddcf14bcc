// The relying party openid-client, strict about everything that the specifications let it check.
import * as oidc from 'openid-client';
import { importJWK } from 'jose';
import { browse, refused, run, settings } from './relying.mjs';

const scope = 'openid email profile';
const insecure = { execute: [oidc.allowInsecureRequests] };
const { as, redirect, postLogout } = settings;

/** The provider as one of the registered clients sees it. */
async function discover(name, auth) {
  const { id, secret } = settings.clients[name];
  auth ??= secret ? oidc.ClientSecretBasic(secret) : oidc.None();
  return oidc.discovery(new URL(settings.issuer), id, secret, auth, insecure);
}

/** Takes a person through the code flow with PKCE, state and nonce. */
async function signIn(config, { parameters = {}, checks = {}, how = { as }, push = false } = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
  const request = {
    redirect_uri: redirect, scope, state: expectedState, nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...parameters,
  };
  const url = await (push ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl)(config, request);
  const back = await browse(url, how);
  const exchange = (pkceCodeVerifier = verifier) => oidc.authorizationCodeGrant(config, back.clone(),
    { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true, ...checks });
  return { back, url, exchange };
}

const tokensOf = async (config, options) => (await signIn(config, options)).exchange();

await run({
  async code() {
    const config = await discover('web');
    const tokens = await tokensOf(config);
    const claims = tokens.claims();
    const info = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub);
    return { claims, info, expires: tokens.expires_in, type: tokens.token_type };
  },

  async 'code-secret-post'() {
    const { secret } = settings.clients.post;
    return { claims: (await tokensOf(await discover('post', oidc.ClientSecretPost(secret)))).claims() };
  },

  async 'code-public'() {
    return { claims: (await tokensOf(await discover('public'))).claims() };
  },

  async 'code-private-key-jwt'() {
    const key = await importJWK(settings.key, settings.key.alg);
    return { claims: (await tokensOf(await discover('key', oidc.PrivateKeyJwt({ key, kid: settings.key.kid })))).claims() };
  },

  async 'private-key-jwt-foreign'() {
    const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
    const config = await discover('key', oidc.PrivateKeyJwt(privateKey));
    return { error: await refused((await signIn(config)).exchange) };
  },

  async 'form-post'() {
    const { back, exchange } = await signIn(await discover('web'), { parameters: { response_mode: 'form_post' } });
    return { method: back.method, claims: (await exchange()).claims() };
  },

  async 'max-age'() {
    const config = await discover('web');
    await tokensOf(config);
    const again = await tokensOf(config, { parameters: { max_age: '1000' }, checks: { maxAge: 1000 }, how: {} });
    const fresh = await tokensOf(config, { parameters: { max_age: '0' }, checks: { maxAge: 0 } });
    return { again: again.claims(), fresh: fresh.claims() };
  },

  async silent() {
    const config = await discover('web');
    const before = await refused((await signIn(config, { parameters: { prompt: 'none' }, how: {} })).exchange);
    const first = await tokensOf(config);
    const second = await tokensOf(config, { parameters: { prompt: 'none' }, how: {} });
    return { before, first: first.claims(), second: second.claims() };
  },

  async 'select-account'() {
    const config = await discover('web');
    await tokensOf(config);
    const other = await tokensOf(config, { parameters: { prompt: 'select_account' }, how: { as: settings.other } });
    return { claims: other.claims() };
  },

  async denied() {
    return { error: await refused((await signIn(await discover('web'), { how: { as, deny: true } })).exchange) };
  },

  async 'code-twice'() {
    const { exchange } = await signIn(await discover('web'));
    await exchange();
    return { error: await refused(exchange) };
  },

  async 'wrong-verifier'() {
    const { exchange } = await signIn(await discover('web'));
    return { error: await refused(() => exchange(oidc.randomPKCECodeVerifier())) };
  },

  async 'wrong-secret'() {
    const { exchange } = await signIn(await discover('web', oidc.ClientSecretBasic('not the secret')));
    return { error: await refused(exchange) };
  },

  async refresh() {
    const config = await discover('web');
    const first = await tokensOf(config, { parameters: { scope: `${scope} offline_access`, prompt: 'consent' } });
    const second = await oidc.refreshTokenGrant(config, first.refresh_token);
    const info = await oidc.fetchUserInfo(config, second.access_token, first.claims().sub);
    return { first: first.claims(), second: second.claims(), info, renewed: first.access_token !== second.access_token };
  },

  async 'refresh-wrong'() {
    return { error: await refused(async () => oidc.refreshTokenGrant(await discover('web'), 'never issued')) };
  },

  async 'client-credentials'() {
    const tokens = await oidc.clientCredentialsGrant(await discover('machine'));
    return { type: tokens.token_type, expires: tokens.expires_in, refresh: tokens.refresh_token ?? '' };
  },

  async pushed() {
    const config = await discover('web');
    const { url, exchange } = await signIn(config, { push: true });
    return { parameters: [...url.searchParams.keys()].sort(), claims: (await exchange()).claims() };
  },

  async device() {
    const config = await discover('device');
    const asked = await oidc.initiateDeviceAuthorization(config, { scope });
    const waiting = oidc.pollDeviceAuthorizationGrant(config, { ...asked, interval: 1 });
    await browse(asked.verification_uri_complete, { as });
    return { claims: (await waiting).claims(), code: asked.user_code, at: asked.verification_uri };
  },

  async 'device-denied'() {
    const config = await discover('device');
    const asked = await oidc.initiateDeviceAuthorization(config, { scope });
    const waiting = refused(() => oidc.pollDeviceAuthorizationGrant(config, { ...asked, interval: 1 }));
    await browse(asked.verification_uri_complete, { as, deny: true });
    return { error: await waiting };
  },

  async 'introspect-revoke'() {
    const config = await discover('web');
    const tokens = await tokensOf(config, { parameters: { scope: `${scope} offline_access`, prompt: 'consent' } });
    const look = async (token) => oidc.tokenIntrospection(config, token);
    const [before, nonsense] = [await look(tokens.access_token), await look('nonsense')];
    await oidc.tokenRevocation(config, tokens.access_token, { token_type_hint: 'access_token' });
    const after = await look(tokens.access_token);
    await oidc.tokenRevocation(config, tokens.refresh_token);
    const refresh = await refused(() => oidc.refreshTokenGrant(config, tokens.refresh_token));
    await oidc.tokenRevocation(config, 'nonsense');
    return { before, nonsense, after, refresh };
  },

  async logout() {
    const config = await discover('web');
    const tokens = await tokensOf(config);
    const url = oidc.buildEndSessionUrl(config,
      { post_logout_redirect_uri: postLogout, id_token_hint: tokens.id_token, state: 'kept' });
    const back = await browse(url, { as });
    const silent = await refused((await signIn(config, { parameters: { prompt: 'none' }, how: {} })).exchange);
    return { back: back.url, silent };
  },

  async 'token-exchange'() {
    const config = await discover('web');
    const tokens = await tokensOf(config);
    const kind = 'urn:ietf:params:oauth:token-type:access_token';
    const swapped = await oidc.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange',
      { subject_token: tokens.access_token, subject_token_type: kind, audience: 'https://api.example.com' });
    const seen = await oidc.tokenIntrospection(config, swapped.access_token);
    const wrong = await refused(() => oidc.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange',
      { subject_token: 'nonsense', subject_token_type: kind }));
    return { claims: tokens.claims(), issued: swapped.issued_token_type, seen, wrong };
  },

  async register() {
    const metadata = { redirect_uris: [redirect], client_name: 'Made by itself', token_endpoint_auth_method: 'client_secret_basic' };
    const config = await oidc.dynamicClientRegistration(new URL(settings.issuer), metadata, undefined, insecure);
    const client = config.clientMetadata();
    return { client: client.client_id, secret: Boolean(client.client_secret), claims: (await tokensOf(config)).claims() };
  },
});

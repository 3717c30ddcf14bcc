// The library jose as the verifier of an API: tokens of all kinds against the published keys.
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { run, settings } from './relying.mjs';

const metadata = await (await fetch(`${settings.issuer}/.well-known/openid-configuration`)).json();
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));

await run({
  async 'id-token'() {
    const { payload, protectedHeader } = await jwtVerify(settings.token, keys, {
      issuer: settings.issuer, audience: settings.clients.web.id, requiredClaims: ['sub', 'iat', 'exp', 'email'],
    });
    return { claims: payload, alg: protectedHeader.alg };
  },

  async 'logout-token'() {
    const { payload, protectedHeader } = await jwtVerify(settings.token, keys, {
      issuer: settings.issuer, audience: settings.clients.web.id, typ: 'logout+jwt', requiredClaims: ['iat', 'jti', 'events'],
    });
    return { claims: payload, alg: protectedHeader.alg };
  },

  async keys() {
    const { keys: published } = await (await fetch(metadata.jwks_uri)).json();
    const secret = published.filter((key) => ['d', 'p', 'q', 'k'].some((member) => member in key));
    return { algorithms: published.map((key) => key.alg).sort(), uses: published.map((key) => key.use), secret: secret.length,
      signer: published.some((key) => key.kid === decodeProtectedHeader(settings.token).kid) };
  },
});

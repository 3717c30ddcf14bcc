// Reads {audience, tokens: {name: token}} and prints, per library, which tokens it accepts. The libraries fetch the keys
// from where they always do.
import { OAuth2Client } from "google-auth-library";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { text } from "node:stream/consumers";

const { audience, tokens } = JSON.parse(await text(process.stdin));
const issuer = "https://cloud.google.com/iap";

const client = new OAuth2Client();
const keys = createRemoteJWKSet(new URL("https://www.gstatic.com/iap/verify/public_key-jwk"));
const libraries = {
  "google-auth-library": async (token) => {
    const { pubkeys } = await client.getIapPublicKeys();
    const ticket = await client.verifySignedJwtWithCertsAsync(token, pubkeys, audience, [issuer]);
    return ticket.getPayload();
  },
  jose: async (token) => {
    const { payload } = await jwtVerify(token, keys, { audience, issuer, algorithms: ["ES256"], maxTokenAge: 660, clockTolerance: 30 });
    return payload;
  },
};

const out = {};
for (const [name, verify] of Object.entries(libraries)) {
  out[name] = {};
  for (const [which, token] of Object.entries(tokens)) {
    out[name][which] = await verify(token).then(
      (payload) => ({ accepted: true, sub: payload.sub, email: payload.email }),
      (error) => ({ accepted: false, why: String(error.message) }),
    );
  }
}
console.log(JSON.stringify(out));

// Has three libraries judge tokens of Cloudflare Access. Standard input: {team, port, aud, cases: {name: token}, fresh: {…}}.
// Standard output: {library: {name: e-mail address, common name, or "refused"}}, and what the plugin reads of get-identity.
import { readFileSync } from "node:fs";

import plugin from "@cloudflare/pages-plugin-cloudflare-access";
import { cloudflareAccess } from "@hono/cloudflare-access";
import { Hono } from "hono";
import { createRemoteJWKSet, jwtVerify } from "jose";

import { lead } from "./team.mjs";

const { team, port, aud, cases } = JSON.parse(readFileSync(0, "utf8"));
const domain = `https://${team}.cloudflareaccess.com`;
lead(`${team}.cloudflareaccess.com`, port);
const named = (payload) => payload.email ?? payload.common_name;

const keys = createRemoteJWKSet(new URL(`${domain}/cdn-cgi/access/certs`));
async function jose(token) {
  try {
    return named((await jwtVerify(token, keys, { issuer: domain, audience: aud, algorithms: ["RS256"] })).payload);
  } catch (e) {
    return `refused: ${e.code}`;
  }
}

const app = new Hono();
app.use("*", cloudflareAccess(team, aud));
app.get("*", (c) => c.text(named(c.get("accessPayload"))));
async function hono(token) {
  const byHeader = await app.request("http://app.example/", { headers: { "Cf-Access-Jwt-Assertion": token } });
  const byCookie = await app.request("http://app.example/", { headers: { Cookie: `CF_Authorization=${token}` } });
  const text = await byHeader.text();
  if (text !== (await byCookie.text())) throw new Error("header and cookie differ");
  return byHeader.status === 200 ? text : `refused: ${text}`;
}

const identities = {};
async function pages(token, name) {
  const data = {};
  const context = {
    request: new Request("https://app.example/page?x=1", { headers: { "Cf-Access-Jwt-Assertion": token } }),
    functionPath: "",
    env: {},
    data,
    waitUntil() {},
    passThroughOnException() {},
    next: async () => new Response("ok"),
  };
  const response = await plugin({ domain, aud })(context);
  if (response.status !== 200) return `refused: ${response.headers.get("location")}`;
  identities[name] = (await data.cloudflareAccess.JWT.getIdentity()) ?? null;
  return named(data.cloudflareAccess.JWT.payload);
}

const results = { jose: {}, hono: {}, pages: {} };
for (const [name, token] of Object.entries(cases)) {
  results.jose[name] = await jose(token);
  results.hono[name] = await hono(token);
  results.pages[name] = await pages(token, name);
}
process.stdout.write(JSON.stringify({ ...results, identities }));

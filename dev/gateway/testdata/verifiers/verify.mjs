// Puts tokens to libraries, as apps behind a load balancer use them. Reads {port, keys, evil, arn, issuer, client, tokens},
// and prints what each library makes of each token: "ok", or "refused: …".
import https from "node:https";
import { readFileSync } from "node:fs";
import { AlbJwtVerifier } from "aws-jwt-verify";
import { importSPKI, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";

const given = JSON.parse(readFileSync(0, "utf8"));

// The hosts lead to this machine, as they do in the network namespace of an app. Their certificates are checked.
const connect = https.Agent.prototype.createConnection;
https.Agent.prototype.createConnection = function (options, done) {
  return connect.call(this, { ...options, servername: options.servername || options.host, host: "127.0.0.1", port: given.port }, done);
};

const get = (address) =>
  new Promise((resolve, reject) => {
    https
      .get(address, (answer) => {
        let text = "";
        answer.on("data", (chunk) => (text += chunk));
        answer.on("end", () => (answer.statusCode === 200 ? resolve(text) : reject(new Error(`status ${answer.statusCode}`))));
      })
      .on("error", reject);
  });

const kidOf = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url")).kid;

const verifier = AlbJwtVerifier.create({ albArn: given.arn, issuer: given.issuer, clientId: given.client });
const libraries = {
  "aws-jwt-verify": (token) => verifier.verify(token),
  jose: async (token) => {
    const key = await importSPKI(await get(given.keys + kidOf(token)), "ES256");
    const { protectedHeader: header } = await jwtVerify(token, key, { issuer: given.issuer, algorithms: ["ES256"] });
    if (header.signer !== given.arn || header.client !== given.client) throw new Error("another signer or client");
  },
  jsonwebtoken: async (token) => {
    jsonwebtoken.verify(token, await get(given.keys + kidOf(token)), { issuer: given.issuer, algorithms: ["ES256"] });
  },
};

const out = {};
for (const [library, verify] of Object.entries(libraries)) {
  out[library] = {};
  for (const { name, token } of given.tokens) {
    out[library][name] = await verify(token).then(() => "ok", (err) => `refused: ${err.message}`);
  }
}
out.tls = { [given.evil]: await get(given.evil).then(() => "ok", (err) => `refused: ${err.code} ${err.message}`) };
console.log(JSON.stringify(out));

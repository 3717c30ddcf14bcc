// Leads connections to the team's host to the gateway, as its name does inside the app's network namespace. The libraries
// stay as they are, and check the certificate and its name.
import { createRequire } from "node:module";

const tls = createRequire(import.meta.url)("node:tls");
const connect = tls.connect;

export function lead(host, port) {
  tls.connect = (options, ...rest) => {
    const name = options.servername || options.host || options.hostname;
    return name === host ? connect({ ...options, host: "127.0.0.1", hostname: "127.0.0.1", port, servername: host }, ...rest) : connect(options, ...rest);
  };
}

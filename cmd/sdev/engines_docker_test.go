//go:build docker

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sdev/dev/devtest"
)

// Other ways to connect to the engine of this machine, so that one engine can take the part of several.

const realEngine = "/var/run/docker.sock"

// passOn forwards connections to the engine: from a socket that anyone may open or, with a TLS configuration, from a port.
func passOn(t testing.TB, socket string, config *tls.Config) (address string) {
	t.Helper()
	var l net.Listener
	var err error
	if config != nil {
		l, err = tls.Listen("tcp", "127.0.0.1:0", config)
	} else {
		if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("unix", socket); err == nil {
			err = os.Chmod(socket, 0o777)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	devtest.RelayTo(t, l, realEngine)
	return l.Addr().String()
}

// tlsEngine is the engine behind TLS that requires a client certificate.
type tlsEngine struct{ host, dir string }

func newTLS(t testing.TB) tlsEngine {
	t.Helper()
	dir := t.TempDir()
	authority, authorityKey := certificate(t, dir, "ca", nil, nil)
	server, serverKey := certificate(t, dir, "server", authority, authorityKey)
	certificate(t, dir, "cert", authority, authorityKey)
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	host := passOn(t, "", &tls.Config{MinVersion: tls.VersionTLS12, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{server.Raw}, PrivateKey: serverKey}}})
	return tlsEngine{host: "tcp://" + host, dir: dir}
}

// certificate makes a certificate for 127.0.0.1 and writes it as the docker command expects it: ca.pem, cert.pem,
// key.pem. Without an authority it is an authority itself.
func certificate(t testing.TB, dir, name string, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature}
	parent, parentKey := authority, authorityKey
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{name + ".pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if name == "cert" {
		files["key.pem"] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return made, key
}

// sshEngine is the engine behind a real sshd with its own keys, configuration and port.
type sshEngine struct {
	t         testing.TB
	host, dir string
}

func newSSH(t *testing.T) sshEngine {
	t.Helper()
	s := sshEngine{t: t, dir: t.TempDir()}
	for _, name := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	port := freePort(t)
	s.file("sshd_config", 0o600, fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n", port, s.dir, s.dir))
	public, err := os.ReadFile(filepath.Join(s.dir, "host.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.file("known_hosts", 0o600, fmt.Sprintf("[127.0.0.1]:%d %s", port, public))
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // sshd keeps what it does not trust in there
		t.Fatal(err)
	}
	daemon := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", filepath.Join(s.dir, "sshd_config"))
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	await(t, "sshd listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, func() string { return "" })
	s.host = fmt.Sprintf("ssh://root@127.0.0.1:%d", port)
	return s
}

func (s sshEngine) file(name string, mode os.FileMode, content string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), mode); err != nil {
		s.t.Fatal(err)
	}
}

// env returns environment variables with which ssh uses the test's keys: in PATH, a script named ssh precedes the real
// one. ssh uses the first value of a setting, so the given settings win.
func (s sshEngine) env(settings ...string) []string {
	s.t.Helper()
	real, err := exec.LookPath("ssh")
	if err != nil {
		s.t.Fatal(err)
	}
	bin, err := os.MkdirTemp(s.dir, "bin")
	if err != nil {
		s.t.Fatal(err)
	}
	settings = append(settings, "IdentityFile="+s.dir+"/user", "IdentitiesOnly=yes", "UserKnownHostsFile="+s.dir+"/known_hosts", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes")
	script := fmt.Sprintf("#!/bin/sh\nexec %s -F /dev/null -o %s \"$@\"\n", real, strings.Join(settings, " -o "))
	if err := os.WriteFile(filepath.Join(bin, "ssh"), []byte(script), 0o755); err != nil { // a program
		s.t.Fatal(err)
	}
	return []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
}

// engine29 makes the engine look like version 29, which supports only the APIs 1.44 to 1.52.
func engine29(t testing.TB) string {
	t.Helper()
	version := regexp.MustCompile(`^/v1\.(\d+)/`)
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", realEngine)
		}},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine"
			r.Out.URL.Path = version.ReplaceAllString(r.Out.URL.Path, "/v1.41/")
			r.Out.URL.RawPath = ""
		},
		FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			r.Header.Set("Api-Version", "1.52")
			return nil
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := version.FindStringSubmatch(r.URL.Path); m != nil && (len(m[1]) < 2 || m[1] < "44") {
			http.Error(w, fmt.Sprintf(`{"message":"client version 1.%s is too old. Minimum supported API version is 1.44, please upgrade your client to a newer version"}`, m[1]), http.StatusBadRequest)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return "tcp://" + server.Listener.Addr().String()
}

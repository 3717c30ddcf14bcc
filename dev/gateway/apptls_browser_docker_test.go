//go:build docker

package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/devtest"
)

// certificate writes a certificate and its key, and returns the files.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"app.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	devtest.Write(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	devtest.Write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: own})))
	return cert, key
}

func TestBrowserTLS_TheAppOfAConfigWithACertificateRunsAndReloads(t *testing.T) {
	cert, key := certificate(t)
	for _, version := range []string{"1.67.0", "1.58.0"} {
		t.Run(version, func(t *testing.T) {
			s := newServer(t, version)
			r := newRigAt(t, s.addr, map[string]string{"Home.py": title("over TLS"),
				".streamlit/config.toml": "[server]\nsslCertFile = \"" + cert + "\"\nsslKeyFile = \"" + key + "\"\n"}, "")
			s.dir = r.root
			s.start()
			p := newPage(t)
			p.open("http://" + r.host + "/")
			p.loads("over TLS")
			if w := await(r, anyOf[dev.Warning]); w.Code != dev.CodeAppTLS {
				t.Errorf("warned of %+v", w)
			}
			replace(t, filepath.Join(r.root, "Home.py"), title("saved over TLS"))
			p.shows("saved over TLS")
			await(r, anyOf[dev.AppReloaded])
		})
	}
}

package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sdev/dev"
	"sdev/dev/config"
)

func authority(t *testing.T, p *config.Project, now time.Time) dev.Authority {
	t.Helper()
	a, err := p.Authority(now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func certificateOf(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%q is no PEM", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAuthority_StaysAsLongAsItIsGood(t *testing.T) {
	p, now := loaded(t, composeFile), time.Now()
	first := authority(t, p, now)
	file := filepath.Join(p.StatePath(), dev.LoginDir, "authority.json")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if again := authority(t, p, now.Add(3*365*24*time.Hour)); !bytes.Equal(again.Certificate, first.Certificate) || !bytes.Equal(again.Key, first.Key) {
		t.Error("a good one was replaced")
	}
	for name, when := range map[string]time.Time{"about to expire": now.Add(4*365*24*time.Hour + time.Hour), "not yet valid": now.Add(-48 * time.Hour)} {
		if next := authority(t, p, when); bytes.Equal(next.Certificate, first.Certificate) || when.Before(certificateOf(t, next.Certificate).NotBefore) {
			t.Errorf("%s: it stays", name)
		}
		first = authority(t, p, now)
	}
}

func TestAuthority_IsReplacedIfItCannotBeUsed(t *testing.T) {
	p, now := loaded(t, composeFile), time.Now()
	file := filepath.Join(p.StatePath(), dev.LoginDir, "authority.json")
	good := authority(t, p, now)
	other := authority(t, loaded(t, composeFile), now)
	for name, content := range map[string]any{
		"cut off": "{", "empty": dev.Authority{}, "no key": dev.Authority{Certificate: good.Certificate}, "no certificate": dev.Authority{Key: good.Key},
		"the key of another": dev.Authority{Certificate: good.Certificate, Key: other.Key}, "no PEM": dev.Authority{Certificate: []byte("x"), Key: []byte("y")},
		"of any host": unconstrained(t, now),
	} {
		text, ok := content.(string)
		if !ok {
			b, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a := authority(t, p, now)
		if c := certificateOf(t, a.Certificate); !c.IsCA || len(c.PermittedDNSDomains) == 0 || bytes.Equal(a.Certificate, good.Certificate) {
			t.Errorf("%s: %+v", name, c.Subject)
		}
		if again := authority(t, p, now); !bytes.Equal(a.Certificate, again.Certificate) {
			t.Errorf("%s: the new one was not stored", name)
		}
	}
}

// unconstrained is an authority without constraints, as an older or another program may have made it.
func unconstrained(t *testing.T, now time.Time) dev.Authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(5 * 365 * 24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return dev.Authority{Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}

// Certificates with addresses in place of names are valid for this machine only.
func TestAuthority_IsValidForNoOtherAddress(t *testing.T) {
	a := authority(t, loaded(t, composeFile), time.Now())
	root := certificateOf(t, a.Certificate)
	block, _ := pem.Decode(a.Key)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	for address, valid := range map[string]bool{"127.0.0.1": true, "::1": true, "169.254.169.254": false, "8.8.8.8": false, "2001:db8::1": false} {
		leaf := x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.ParseIP(address)}, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
		der, err := x509.CreateCertificate(rand.Reader, &leaf, root, root.PublicKey, private)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: pool}); (err == nil) != valid {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestTrust_HoldsTheMachinesTheCompanysAndTheProjectsOwn(t *testing.T) {
	p := loaded(t, composeFile)
	a := authority(t, p, time.Now())
	company := bytes.TrimSpace(unconstrained(t, time.Now()).Certificate) // a file may end without a newline
	for name, ca := range map[string]config.CA{"with a company's": {File: "/etc/corp.pem", PEM: company}, "without": {}} {
		file, err := p.WriteTrust(ca, a)
		if err != nil || file != p.TrustPath() {
			t.Fatalf("%s: %s, %v", name, file, err)
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for rest := b; ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			found = append(found, string(pem.EncodeToMemory(block)))
		}
		if n := len(found); n == 0 || found[n-1] != string(a.Certificate) {
			t.Errorf("%s: the project's own is not the last of %d", name, n)
		}
		if ca.File != "" && (len(found) != 2 || found[0] != string(company)+"\n") {
			t.Errorf("%s: %d certificates", name, len(found))
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

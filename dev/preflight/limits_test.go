package preflight

import (
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestBounded_EndsWhatUnpacksToTooMuch(t *testing.T) {
	b := &limitedReader{ctx: t.Context(), r: strings.NewReader(strings.Repeat("x", 100)), left: 99}
	if _, err := io.ReadAll(b); err == nil || !strings.Contains(err.Error(), "more than 64 GiB") {
		t.Errorf("error %v", err)
	}
	b = &limitedReader{ctx: t.Context(), r: strings.NewReader(strings.Repeat("x", 100)), left: 100}
	if _, err := io.ReadAll(b); err != nil || b.read != 100 {
		t.Errorf("%d bytes, %v", b.read, err)
	}
}

// failing returns some bytes and then an error.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("the disk is gone")
	}
	return n, err
}

func TestScanner_PassesOnWhatItCannotRead(t *testing.T) {
	var s scanner
	if err := s.scan(failing{strings.NewReader("x")}, nil, func(hit) {}); err == nil || err.Error() != "the disk is gone" {
		t.Errorf("error %v", err)
	}
}

func TestForms_AreFoundByTheirLiteralsAndNotInExamples(t *testing.T) {
	word := func(n int) string { return strings.Repeat("a1B2c3D4e5F6g7H8i9J0k", 10)[:n] }
	hex := func(n int) string { return strings.Repeat("0a1b2c3d4e5f6789", 10)[:n] }
	for _, text := range []string{
		"AKIA" + "QYLPMN5HHHFPZAM2", `"SecretAccessKey": "` + word(40) + `"`, "AWS_SECRET_ACCESS_KEY=" + word(40),
		"ghs_" + word(36), "github_pat_" + word(22) + "_" + word(59), "glpat-" + word(20), "AIza" + word(35), "GOCSPX-" + word(28),
		"xoxb-123456789012-" + word(30), "https://hooks.slack.com/services/T0A1B2C3D/B0A1B2C3D/" + word(24), "sk_live_" + word(24),
		"sk-proj-" + word(30) + "T3BlbkFJ" + word(30), "sk-ant-api03-" + word(90), "npm_" + word(36), "pypi-AgEIcHlwaS5vcmc" + word(60),
		"dckr_pat_" + word(27), "SG." + word(22) + "." + word(43), "dapi" + hex(32), "hf_" + strings.Repeat("aBcDeFgHiJkLmNoPqRsT", 2)[:34],
		"AccountKey=" + word(86) + "==", "eyJhIjoi" + word(140),
		"-----BEGIN OPENSSH PRIVATE KEY-----\n" + word(70) + "\n" + word(40) + "\n", `"private_key": "-----BEGIN PRIVATE KEY-----\n` + word(64) + `\n` + word(64) + `\n`,
	} {
		if found := credentialsIn("key: " + text + "\n"); len(found) != 1 {
			t.Errorf("%.40s…: found %+v", text, found)
		}
	}
	for _, text := range []string{"AKIAIOSFODNN7EXAMPLE", "AKIA" + strings.Repeat("A", 16), "XAKIAQYLPMN5HHHFPZAM2", "ghp_short", "AWS_SECRET_ACCESS_KEY=${SECRET}", "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----\n" + word(80), "hf_hub_download(repo)", "npm_config_registry"} {
		if found := credentialsIn(text + "\n"); len(found) > 0 {
			t.Errorf("%s: found %+v", text, found)
		}
	}
	for _, f := range forms() {
		if len(f.literals) == 0 || f.what == "" {
			t.Errorf("%+v", f)
		}
		for _, l := range f.literals {
			if len(l) > before {
				t.Errorf("%q is longer than what is kept of a piece", l)
			}
		}
	}
}

func TestCredentials_AreFoundInBase64(t *testing.T) {
	key := "AKIA" + "QYLPMN5HHHFPZAM2"
	pem := "-----BEGIN " + "PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA7bq3X9sQ2vLkT8wN5yRfGhJcZdPoUiYe4xWm0VtSaKlB6n\n", 4)
	wrap := func(s string) string {
		var b strings.Builder
		for ; len(s) > 76; s = s[76:] {
			b.WriteString(s[:76] + "\n")
		}
		return b.String() + s
	}
	encode := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"a key":             "data: " + encode([]byte(key+" ")) + "\n",
		"without its end":   `"` + strings.TrimRight(encode([]byte("id="+key)), "=") + `"`,
		"after other bytes": encode([]byte(strings.Repeat("some text ", 500) + key + "\n")),
		"in lines":          wrap(encode([]byte(strings.Repeat("some text ", 50) + key + "\n"))),
		"a private key":     "tls.key: " + encode([]byte(pem)) + "\n",
		"across pieces":     encode([]byte(strings.Repeat("other text ", 25000) + key + "\n")),
	} {
		found := credentialsIn("x\n" + text)
		if len(found) == 0 || !strings.HasSuffix(found[0].what, ", in base64") || found[0].line != 2 && name != "in lines" {
			t.Errorf("%s: found %+v", name, found)
		}
		var s scanner
		n := 0
		if err := s.scan(strings.NewReader("x\n"+text), nil, func(hit) { n++ }); err != nil || n == 0 {
			t.Errorf("%s: %d in a stream, %v", name, n, err)
		}
	}
	for _, text := range []string{encode([]byte("AKIAIOSFODNN7EXAMPLE and more of it")), encode([]byte(strings.Repeat("nothing in it ", 99))), "QUtJQ" + strings.Repeat("A", 40)} {
		if found := credentialsIn(text); len(found) > 0 {
			t.Errorf("%s: found %+v", text, found)
		}
	}
}

package dev_test

import (
	"testing"

	"sdev/dev"
)

func TestWithoutPasswords_HidesCredentialsInAddresses(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no address":                {"alice@example.com said: hi", "alice@example.com said: hi"},
		"nobody signs in":           {"see https://example.com/a@b, or mail a@b.c", "see https://example.com/a@b, or mail a@b.c"},
		"an address in a query":     {"http://localhost:8501?hint=a@b.c", "http://localhost:8501?hint=a@b.c"},
		"a proxy":                   {"HTTPS_PROXY=http://ada:s3cret@proxy.example:3128", "HTTPS_PROXY=http://***@proxy.example:3128"},
		"an @ in the password":      {"http://ada:p@ss@w0rd@proxy:3128/x", "http://***@proxy:3128/x"},
		"a colon in the password":   {"http://ada:p:ss@proxy", "http://***@proxy"},
		"escaped in the password":   {"http://ada:p%40ss@proxy", "http://***@proxy"},
		"escaped for JSON":          {`"http://ada:a\u0026b@proxy"`, `"http://***@proxy"`},
		"a token as a name":         {"git clone https://ghp_0123@github.com/a/b.git#main", "git clone https://***@github.com/a/b.git#main"},
		"a token behind git+":       {"pip install git+https://tok@github.com/a/b", "pip install git+https://***@github.com/a/b"},
		"a name without a password": {"ssh://git@github.com/a/b", "ssh://git@github.com/a/b"},
		"a password over ssh":       {"ssh://git:pw@github.com/a/b", "ssh://***@github.com/a/b"},
		"a database":                {"postgres://shop:shop@db:5432/shop", "postgres://***@db:5432/shop"},
		"a database's user":         {"postgres://shop@db/shop", "postgres://shop@db/shop"},
		"a password without a name": {"redis://:pw@cache:6379", "redis://***@cache:6379"},
		"two of them":               {"https://a:b@x https://c:d@y", "https://***@x https://***@y"},
		"in quotes":                 {`parse "http://a:b@x:port": invalid port`, `parse "http://***@x:port": invalid port`},
		"every sign that may be":    {"http://a'd!a:p$&'()*+,;=w@proxy/x", "http://***@proxy/x"},
		"signs to be escaped":       {"http://ada:pa/ss?#w@proxy:3128/", "http://***@proxy:3128/"},
		"a port and a path":         {"http://localhost:8501/a/@b and http://[::1]:80/x@y", "http://localhost:8501/a/@b and http://[::1]:80/x@y"},
		"a port of Compose's":       {"http://db:${PORT}/x@y", "http://db:${PORT}/x@y"},
		"an image and its digest":   {"docker-image://python:3.11@sha256:abc", "docker-image://python:3.11@sha256:abc"},
		"a proxy without a scheme":  {"HTTPS_PROXY=ada:pw@proxy:3128, http_proxy: 'a:b@c'", "HTTPS_PROXY=***@proxy:3128, http_proxy: '***@c'"},
		"capitals":                  {"HTTPS://a:b@x", "HTTPS://***@x"},
		"hidden already":            {"http://***@proxy", "http://***@proxy"},
		"a variable of Compose":     {"postgres://shop:${DB_PASSWORD}@db", "postgres://shop:${DB_PASSWORD}@db"},
	} {
		if got := dev.WithoutPasswords(c.text); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if dev.HasPassword(c.text) != (c.text != c.want) {
			t.Errorf("%s: HasPassword is %v", name, dev.HasPassword(c.text))
		}
	}
}

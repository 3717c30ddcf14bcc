package dev

import (
	"strings"
	"testing"
)

func TestCheckOrigin(t *testing.T) {
	for _, good := range []string{
		"http://localhost:3000", "https://portal.example.com", "http://shop.localhost", "https://127.0.0.1:8443", "http://[::1]:3000",
		"https://xn--mller-kva.example", "http://my_host:8080", "http://a",
	} {
		if err := CheckOrigin(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, words := range map[string]string{
		"*":                               "every page",
		"null":                            "sandboxed",
		"":                                "not the origin",
		"portal.example.com":              "not the origin",
		"localhost:3000":                  "not the origin",
		"ftp://portal.example.com":        "not the origin",
		"file:///":                        "not the origin",
		"vscode-webview://x":              "not the origin",
		"https://":                        "not the origin",
		"https://user@portal.example.com": "not the origin",
		"https://portal.example.com/":     "browsers send it: write https://portal.example.com",
		"https://portal.example.com/app":  "browsers send it: write https://portal.example.com",
		"https://portal.example.com?a":    "browsers send it: write https://portal.example.com",
		"https://portal.example.com#a":    "browsers send it: write https://portal.example.com",
		"https://portal.example.com:443":  "browsers send it: write https://portal.example.com",
		"http://portal.example.com:80":    "browsers send it: write http://portal.example.com",
		"http://portal.example.com:":      "browsers send it: write http://portal.example.com",
		"https://Portal.Example.com":      "browsers send it: write https://portal.example.com",
		"HTTPS://portal.example.com":      "browsers send it: write https://portal.example.com",
		"https://*.example.com":           "patterns",
		"https://müller.example":          "xn--",
		"https://a..example":              "not a host name",
		"https://-a.example":              "not a host name",
		"https://a.example:0":             "not a port",
		"https://a.example:65536":         "not a port",
		"https://a.example:0443":          "not a port",
		"https://a.example https://b":     "not the origin",
		"https://a.example, https://b":    "not the origin",
		"https://a.example;x":             "not a host name",
		"https://${PORTAL}":               "not the origin",
		"http://[::1%25lo]:3000":          "not a host name",
		"https://a.example\n":             "not the origin",
		"https://a\\b.example":            "not the origin",
		"https://a.example'self'":         "not a host name",
	} {
		if err := CheckOrigin(bad); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, want %q", bad, err, words)
		}
	}
}

package oidc

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"sdev/dev"
)

// Unmapped counts requests of the app to an identity provider that did not lead to the local one.
type Unmapped struct {
	Address string `json:"address"` // https://HOST/PATH, or only the host; without a query
	Count   int    `json:"count"`
}

// mostUnmapped limits how many addresses are counted one by one.
const mostUnmapped = 50

// serveUnmapped takes a report of the app's start-up shim: the app asks a real identity provider for something. A browser
// sends no JSON to a foreign origin without asking first, so no page can send a report.
func (p *Provider) serveUnmapped(rc *requestContext) error {
	var report struct{ Address string }
	b, err := io.ReadAll(rc.r.Body)
	if err != nil || json.Unmarshal(b, &report) != nil || report.Address == "" {
		return newError("invalid_request", "the report names no address")
	}
	p.countUnmapped(report.Address)
	rc.w.WriteHeader(http.StatusNoContent)
	return nil
}

// countUnmapped counts an address, and warns the first time.
func (p *Provider) countUnmapped(address string) {
	address, _, _ = strings.Cut(printable(address), "?")
	p.mu.Lock()
	i := slices.IndexFunc(p.unmapped, func(u Unmapped) bool { return u.Address == address })
	switch {
	case i >= 0:
		p.unmapped[i].Count++
	case len(p.unmapped) < mostUnmapped:
		p.unmapped = append(p.unmapped, Unmapped{Address: address, Count: 1})
	}
	p.mu.Unlock()
	if i < 0 {
		p.emit(dev.UnmappedWarning(address))
	}
}

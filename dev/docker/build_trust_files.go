package docker

import (
	"context"
	"encoding/pem"
	"fmt"
	"slices"

	"sdev/dev/plan"
)

// bundles are the paths of distributions' CA bundles.
// Source: crypto/x509, root_linux.go; /etc/ssl/cert.pem is Alpine's.
func bundles() []string {
	return []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/var/lib/ca-certificates/ca-bundle.pem", "/etc/ssl/cert.pem"}
}

// anchor is a directory of certificates from which a distribution's tool generates its bundles. A certificate that is
// only in a bundle is lost when a build runs that tool.
type anchor struct {
	dir    string
	needs  string // a directory that only such a distribution has; "" for all
	single bool   // each file holds one certificate
	suffix string
}

func anchors() []anchor {
	return []anchor{
		{"/usr/local/share/ca-certificates", "", true, ".crt"}, // Debian, Ubuntu, Alpine
		{"/etc/pki/ca-trust/source/anchors", "/etc/pki/ca-trust", false, ".pem"},
		{"/etc/pki/trust/anchors", "/etc/pki/trust", false, ".pem"},
	}
}

// trustFiles lists the files to copy into the container.
func (e *Engine) trustFiles(ctx context.Context, id string, ca []byte) ([]plan.File, error) {
	files := []plan.File{{Path: trustFile, Mode: 0o644, Content: ca}}
	var known []byte
	for _, name := range bundles() {
		at, content, err := e.readFile(ctx, id, name)
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files, func(f plan.File) bool { return f.Path == at }) {
			continue
		}
		known = append(known, content...)
		files = append(files, plan.File{Path: at, Mode: 0o644, Content: append(endLine(content), missingCertificates(ca, content)...)})
	}
	if len(files) == 1 {
		files = append(files, plan.File{Path: bundles()[0], Mode: 0o644, Content: ca})
	}
	added := missingCertificates(ca, known)
	for _, a := range anchors() {
		if a.needs != "" {
			if _, err := e.api.ContainerStatPath(ctx, id, a.needs); isGone(err) {
				continue
			} else if err != nil {
				return nil, err
			}
		}
		if !a.single {
			files = append(files, plan.File{Path: a.dir + "/sdev-ca" + a.suffix, Mode: 0o644, Content: added})
			continue
		}
		for i, one := range certificates(added) {
			files = append(files, plan.File{Path: fmt.Sprintf("%s/sdev-ca-%03d%s", a.dir, i, a.suffix), Mode: 0o644, Content: one})
		}
	}
	return files, nil
}

// missingCertificates returns the certificates of a bundle that another does not contain.
func missingCertificates(bundle, other []byte) []byte {
	has := map[string]bool{}
	for _, c := range certificates(other) {
		has[string(c)] = true
	}
	var out []byte
	for _, c := range certificates(bundle) {
		if !has[string(c)] {
			out = append(out, c...)
		}
	}
	return out
}

// certificates returns a bundle's certificates, each in canonical PEM.
func certificates(bundle []byte) [][]byte {
	var out [][]byte
	for {
		block, rest := pem.Decode(bundle)
		if block == nil {
			return out
		}
		if block.Type == "CERTIFICATE" {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
		}
		bundle = rest
	}
}

// endLine returns text with a newline at its end.
func endLine(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return slices.Clone(text)
	}
	return append(slices.Clone(text), '\n')
}

package preflight

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"
)

// form is the format of one kind of credential. Only kinds with a distinctive format are searched for: those that
// an issuer begins with its own prefix or writes between marks. A word such as password says nothing about the
// value beside it, and people turn off a check with many false alarms.
//
// A general scanner (gitleaks 8.30 as a library) was measured: it reads 0.3 MB a second of code that is full of
// tokens and keys, so it needs most of an hour for an image, and adds 10 MB to the program.
type form struct {
	what     string
	literals []string // every match contains one of them near its beginning
	expr     string   // the group named "s" is the secret; without it, the whole match is
	compiled *regexp.Regexp
}

// forms are tried in this order. Sources: the issuers' own pages on the formats of their keys.
var forms = sync.OnceValue(func() []form {
	list := []form{
		{what: "a private key", literals: []string{"-----BEGIN "}, expr: `-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn])+(?:[A-Za-z-]+: [^\n\\]*(?:\s|\\[rn])+)*(?P<s>(?:[A-Za-z0-9+/=]|\s|\\[rn]){80})`},
		{what: "an AWS access key id", literals: []string{"AKIA"}, expr: `\bAKIA[A-Z2-7]{16}\b`},
		{what: "an AWS secret key", literals: []string{"ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey"}, expr: `(?i)secret_?access_?key["']?\s*(?:[:=]|,\s*["']value["']\s*:)\s*["']?(?P<s>[A-Za-z0-9/+]{40})\b`},
		{what: "a GitHub token", literals: []string{"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"}, expr: `\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b`},
		{what: "a GitLab token", literals: []string{"glpat-"}, expr: `\bglpat-[\w-]{20}`},
		{what: "a Google API key", literals: []string{"AIza"}, expr: `\bAIza[\w-]{35}\b`},
		{what: "a Google OAuth client secret", literals: []string{"GOCSPX-"}, expr: `\bGOCSPX-[\w-]{28}`},
		{what: "a Slack token", literals: []string{"xoxb-", "xoxp-", "xoxa-", "xoxs-", "xapp-"}, expr: `\bxox[baps]-\d{9,}-[A-Za-z0-9-]{20,}|\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{32,}`},
		{what: "a Slack webhook", literals: []string{"hooks.slack.com/services/"}, expr: `hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}`},
		{what: "a Stripe key", literals: []string{"sk_live_", "rk_live_"}, expr: `\b[sr]k_live_[A-Za-z0-9]{24,}`},
		{what: "an OpenAI key", literals: []string{"T3BlbkFJ"}, expr: `\bsk-[\w-]{20,}T3BlbkFJ[\w-]{20,}`},
		{what: "an Anthropic key", literals: []string{"sk-ant-"}, expr: `\bsk-ant-[a-z0-9]+-[\w-]{80,}`},
		{what: "an npm token", literals: []string{"npm_"}, expr: `\bnpm_[A-Za-z0-9]{36}\b`},
		{what: "a PyPI token", literals: []string{"pypi-AgEIcHlwaS5vcmc"}, expr: `\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}`},
		{what: "a Docker Hub token", literals: []string{"dckr_pat_"}, expr: `\bdckr_pat_[\w-]{27}`},
		{what: "a SendGrid key", literals: []string{"SG."}, expr: `\bSG\.[\w-]{22}\.[\w-]{43}\b`},
		{what: "a Databricks token", literals: []string{"dapi"}, expr: `\bdapi[a-f0-9]{32}\b`},
		{what: "a Hugging Face token", literals: []string{"hf_"}, expr: `\bhf_[A-Za-z]{34}\b`},
		{what: "an Azure storage key", literals: []string{"AccountKey="}, expr: `AccountKey=(?P<s>[A-Za-z0-9+/]{86}==)`},
		{what: "the password of a package index", literals: []string{"index-url", "index_url", "INDEX_URL"}, expr: `(?i)index[-_]url["']?\s*[:=\s]\s*["']?https?://[^/\s:@${}<]+:(?P<s>[^/\s:@${}<]{3,})@`},
		{what: "a Cloudflare tunnel token", literals: []string{"eyJhIjoi"}, expr: `\beyJhIjoi[A-Za-z0-9+/]{120,}={0,2}`},
	}
	for i := range list {
		list[i].compiled = regexp.MustCompile(list[i].expr)
	}
	return list
})

// The scanner reads overlapping pieces, so that its memory does not depend on the length of the stream.
const (
	pieceSize = 256 << 10
	before    = 64   // how far before its literal a match may begin
	after     = 1024 // how far after its beginning it may end
)

// scanner finds credentials, and texts that a caller names, in streams of any length. The zero value is ready to use,
// from one goroutine.
type scanner struct {
	buf                []byte
	attempts           int            // matches tried near a literal
	attemptsPerLiteral map[string]int // the same, in the current stream
}

// Limits of the matches that are tried, per literal in one file and for everything that one scanner reads: a text
// that consists of beginnings of keys was written to waste time. Ordinary images have some thousands.
const (
	maxPerLiteral = 2_000
	maxAttempts   = 500_000
)

// hit is a credential, or a text that the caller named.
type hit struct {
	what    string
	line    int    // from 1
	context []byte // text around a literal of the caller's; valid until visit returns
}

// scan reads a stream to its end and calls visit for each credential and each of the literals.
func (s *scanner) scan(r io.Reader, literals []string, visit func(hit)) error {
	if s.buf == nil {
		s.buf = make([]byte, before+pieceSize+after)
	}
	s.attemptsPerLiteral = map[string]int{}
	overlap, line := 0, 1 // bytes of the last piece at the front of buf, and the line on which buf begins
	fresh := 0            // where the part that was not searched yet begins
	for {
		n, err := io.ReadFull(r, s.buf[overlap:])
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		piece := s.buf[:overlap+n]
		until := len(piece)
		if !last {
			until -= after
		}
		s.search(piece, fresh, until, line, literals, visit)
		if last {
			return nil
		}
		from := until - before
		line += bytes.Count(piece[:from], []byte{'\n'})
		overlap = copy(s.buf, piece[from:])
		fresh = before
	}
}

// search finds credentials and literals that begin in piece[from:until].
func (s *scanner) search(piece []byte, from, until, line int, literals []string, visit func(hit)) {
	s.searchCredentials(piece, from, until, line, visit)
	s.searchBase64(piece, from, until, line, visit)
	for _, literal := range literals {
		at := lineCounter(piece, line)
		eachIndex(piece, literal, from, until, func(i int) {
			visit(hit{what: literal, line: at(i), context: piece[max(0, i-before):min(len(piece), i+len(literal)+before)]})
		})
	}
}

// searchCredentials finds credentials that begin in piece[from:until].
func (s *scanner) searchCredentials(piece []byte, from, until, line int, visit func(hit)) {
	for _, f := range forms() {
		for _, literal := range f.literals {
			at := lineCounter(piece, line)
			eachIndex(piece, literal, from, until, func(i int) {
				if s.attempts, s.attemptsPerLiteral[literal] = s.attempts+1, s.attemptsPerLiteral[literal]+1; s.attempts > maxAttempts || s.attemptsPerLiteral[literal] > maxPerLiteral {
					return
				}
				start := max(0, i-before)
				window := piece[start:min(len(piece), i+after)]
				for _, m := range f.compiled.FindAllSubmatchIndex(window, -1) {
					if start+m[0] <= i && i < start+m[1] && !isExample(secretOf(f.compiled, window, m)) {
						visit(hit{what: f.what, line: at(i)})
					}
				}
			})
		}
	}
}

// lineCounter returns the lines of positions that are asked for in ascending order.
func lineCounter(piece []byte, line int) func(i int) int {
	last := 0
	return func(i int) int {
		line += bytes.Count(piece[last:i], []byte{'\n'})
		last = i
		return line
	}
}

func eachIndex(piece []byte, literal string, from, until int, visit func(at int)) {
	for from < until {
		i := bytes.Index(piece[from:min(len(piece), until+len(literal)-1)], []byte(literal))
		if i < 0 {
			return
		}
		visit(from + i)
		from += i + len(literal)
	}
}

func secretOf(re *regexp.Regexp, window []byte, m []int) string {
	if i := re.SubexpIndex("s"); i > 0 {
		return string(window[m[2*i]:m[2*i+1]])
	}
	return string(window[m[0]:m[1]])
}

// isExample reports whether a secret looks like one from a manual and not like a real one.
func isExample(secret string) bool {
	if lower := strings.ToLower(secret); strings.Contains(lower, "example") || strings.Contains(lower, "xxxx") || strings.Contains(lower, "abcdef") && strings.Contains(lower, "123456") {
		return true
	}
	const fewest = 8 // different characters; those of a key are random
	seen := map[rune]bool{}
	for _, r := range secret {
		seen[r] = true
	}
	return len(seen) < fewest
}

// credentialsIn returns the credentials in a text.
func credentialsIn(text string) []hit {
	var out []hit
	var s scanner
	s.buf = make([]byte, before+after+len(text)+1)
	_ = s.scan(strings.NewReader(text), nil, func(h hit) { out = append(out, h) }) // reading a string never fails
	return out
}

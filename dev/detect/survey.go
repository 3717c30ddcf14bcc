package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"unicode"

	"sdev/dev/pattern"
)

// Survey is what the app needs from the platform that it runs on.
type Survey struct {
	Modules   []string  // the app's scripts, relative to the tree
	Imports   []Fact    // third-party modules; Value is the top-level name
	Calls     []Use     // of what not every platform has
	Addresses []Address // of its pages, beginning with the entry script's
}

// Use is a feature that the code uses.
type Use struct {
	// What is "aws:" and a service, "aws:files", "st.login", "st.user", "st.context.headers",
	// "st.context.cookies", "st.components", "file:write" or "subprocess".
	What string
	Text string // the line, without the space around it
	File string
	Line int
}

// Address is the path of a page in the browser.
type Address struct {
	Script string
	Path   string // begins with a slash; "/" is the app's first page
}

// Survey reads the entry script, its pages, and what they import.
func (f *Findings) Survey() Survey {
	p := newProgram(f)
	var s Survey
	for _, m := range p.modules {
		s.Modules = append(s.Modules, m.path)
		for _, i := range m.imports {
			if i.level == 0 && !isStandard(i.top()) && !p.isOwn(m.path, i) {
				s.Imports = append(s.Imports, Fact{Value: i.top(), Why: "it is imported", File: m.path, Line: i.line})
			}
		}
		u := usage{m: m, lines: p.t.lines(m.path)}
		u.read()
		s.Calls = append(s.Calls, u.out...)
	}
	s.Addresses = p.addresses()
	return s
}

// isOwn reports whether an import is of the project itself.
func (p *program) isOwn(from string, i imported) bool {
	if p.installed[i.top()] {
		return false
	}
	return slices.ContainsFunc(p.bases(from, i), func(base string) bool { return p.t.provides(base, i.name) || p.t.provides(base, i.top()) })
}

// usage collects what one module uses.
type usage struct {
	m     *module
	lines []line
	out   []Use
}

func (u *usage) add(what string, at int) {
	if at == 0 || slices.ContainsFunc(u.out, func(have Use) bool { return have.What == what && have.Line == at }) {
		return
	}
	use := Use{What: what, File: u.m.path, Line: at}
	if at <= len(u.lines) {
		use.Text = strings.TrimSpace(u.lines[at-1].text)
	}
	u.out = append(u.out, use)
}

func (u *usage) read() {
	for what, of := range map[string]string{"login": "st.login", "user": "st.user", "experimental_user": "st.user", "context.headers": "st.context.headers", "context.cookies": "st.context.cookies", "components": "st.components"} {
		u.add(of, u.m.uses[what])
	}
	aws := false
	for _, i := range u.m.imports {
		aws = aws || i.level == 0 && (i.top() == "boto3" || i.top() == "aioboto3" || i.top() == "botocore")
		if i.level == 0 && strings.HasPrefix(i.name, "streamlit.components") {
			u.add("st.components", i.line)
		}
	}
	for i, tok := range u.m.tokens {
		before, rest := u.m.tokens[:i], u.m.tokens[i+1:]
		switch {
		case tok.kind == text && strings.Contains(tok.s, "/.aws"):
			u.add("aws:files", tok.line)
		case tok.kind != word || len(rest) < 2 || !rest[0].is("("):
		case aws && (tok.s == "client" || tok.s == "resource") && isMethod(before):
			if service, ok := firstText(rest); ok && service != "" {
				u.add("aws:"+service, tok.line)
			}
		case writes(tok.s, before, rest):
			u.add("file:write", tok.line)
		case isMemberOf(before, "subprocess"), tok.s == "system" && isMemberOf(before, "os"), tok.s == "Popen":
			u.add("subprocess", tok.line)
		}
	}
	slices.SortFunc(u.out, func(a, b Use) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.What, b.What)) })
}

func isMethod(before []token) bool { return len(before) > 0 && before[len(before)-1].is(".") }

// writing is a mode of open that changes a file.
var writing = pattern.New(`^[rbt]*[wax+][bt+]*$`)

// writes reports whether a call creates or changes a file, as far as its name and the texts among its arguments tell.
func writes(name string, before, rest []token) bool {
	switch name {
	case "open":
		// The method open of an unknown object may do anything; that of a path has the mode as its first argument.
		first := isMethod(before)
		for n, arg := range arguments(rest) {
			mode := n == 1 || n == 0 && first
			if len(arg) > 2 && arg[0].is("mode") && arg[1].is("=") {
				mode, arg = true, arg[2:]
			}
			if mode && len(arg) == 1 && arg[0].kind == text && writing.MatchString(arg[0].s) {
				return true
			}
		}
	case "write_text", "write_bytes":
		return isMethod(before)
	case "makedirs":
		return isMemberOf(before, "os")
	case "to_csv", "to_parquet", "to_excel", "to_pickle", "to_json", "savefig":
		// Without a file name they return the content.
		_, named := firstText(rest)
		return isMethod(before) && named && !rest[1].is(")")
	}
	return false
}

// arguments returns the arguments of the call that the first bracket opens.
func arguments(rest []token) [][]token {
	var out [][]token
	var arg []token
	depth := 0
	for _, tok := range rest {
		switch {
		case tok.is("("), tok.is("["), tok.is("{"):
			if depth++; depth == 1 {
				continue
			}
		case tok.is(")"), tok.is("]"), tok.is("}"):
			if depth--; depth == 0 {
				return append(out, arg)
			}
		case tok.is(",") && depth == 1:
			out, arg = append(out, arg), nil
			continue
		}
		arg = append(arg, tok)
	}
	return out // an unclosed call
}

// addresses are the paths of pages as Streamlit computes them. Source: streamlit/source_util.py (page_icon_and_name)
// and streamlit/navigation/page.py (st.Page).
func (p *program) addresses() []Address {
	var out []Address
	navigates := false
	for _, m := range p.modules {
		navigates = navigates || m.uses["navigation"] > 0
	}
	if p.entry != "" && !navigates {
		out = append(out, Address{p.entry, "/"})
	}
	first := -1
	for i, page := range p.pages {
		a := Address{page.Value, "/" + pageName(page.Value)}
		if navigates {
			given, isDefault := p.pageCall(page)
			if given != "" {
				a.Path = "/" + given
			}
			if isDefault {
				first = i
			}
		}
		out = append(out, a)
	}
	if navigates && len(out) > 0 {
		out[max(first, 0)].Path = "/" // the first page, unless another one is the default
	}
	return out
}

// pageCall returns what a call of st.Page says about a page's address.
func (p *program) pageCall(page Fact) (path string, isDefault bool) {
	m := p.t.module(page.File)
	for i, tok := range m.tokens {
		if tok.kind != text || tok.line != page.Line || i == 0 || !strings.HasSuffix(page.Value, strings.TrimPrefix(tok.s, "./")) {
			continue
		}
		call := opening(m.tokens, i)
		switch {
		case call > 0 && m.tokens[call-1].is("Path"):
			call = opening(m.tokens, call)
		case call != i-1:
			continue // another argument
		}
		for _, arg := range arguments(m.tokens[call:]) {
			if len(arg) != 3 || !arg[1].is("=") {
				continue
			}
			if arg[0].is("url_path") && arg[2].kind == text {
				path = strings.Trim(arg[2].s, "/")
			}
			isDefault = isDefault || arg[0].is("default") && arg[2].is("True")
		}
		return path, isDefault
	}
	return "", false
}

var (
	pageFile = pattern.New(`^([0-9]*)[_ -]*(.*)\.py$`)
	spaces   = pattern.New(`[_ ]+`)
)

// pageName is a page's name in addresses: that of its file, without number and emoji in front.
func pageName(script string) string {
	m := pageFile.FindStringSubmatch(path.Base(script))
	if m == nil {
		return path.Base(script)
	}
	name := strings.TrimSpace(spaces.ReplaceAllString(m[2], "_"))
	if plain := strings.TrimLeftFunc(name, isPicture); plain != name {
		name = strings.TrimLeft(plain, "_- ")
	}
	if name == "" {
		return m[1]
	}
	return name
}

// isPicture reports whether a character is part of an emoji.
func isPicture(r rune) bool {
	const joiner, variation, keycap = '\u200d', '\ufe0f', '\u20e3'
	return r > 0xff && (unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r)) || r == joiner || r == variation || r == keycap
}

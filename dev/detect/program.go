package detect

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// program is the entry script, its pages, and what they import.
type program struct {
	f       *Findings
	t       *tree
	entry   string // "" if there is none
	home    string // directory of the entry script, which Streamlit adds to Python's path
	pages   []Fact
	roots   []Fact
	modules []*module // reachable from the entry and the pages; without an entry, all of them

	seen      map[string]bool
	installed map[string]bool // names of installed packages
}

func newProgram(f *Findings) *program {
	p := &program{f: f, t: f.tree, home: ".", seen: map[string]bool{}, installed: map[string]bool{"streamlit": true}}
	for _, l := range f.lists {
		for name := range l.names {
			p.installed[strings.ReplaceAll(name, "-", "_")] = true
		}
	}
	e, ok := f.Entry()
	if !ok {
		for _, name := range p.t.pythonFiles() {
			p.modules = append(p.modules, p.t.module(name))
		}
		return p
	}
	p.entry, p.home = e.Path, path.Dir(e.Path)
	p.follow(e.Path)
	if m := p.t.module(e.Path); m.uses["navigation"] == 0 { // with it, Streamlit ignores the directory
		for _, name := range p.t.names {
			if path.Dir(name) == path.Join(p.home, "pages") && strings.HasSuffix(name, ".py") && path.Base(name) != "__init__.py" {
				p.page(Fact{Value: name, Why: "it is in the pages directory beside the entry script", File: name})
			}
		}
	}
	for known := 0; known < len(p.modules); { // pages may add pages
		m := p.modules[known]
		known++
		for _, page := range m.pages {
			if name := path.Join(p.home, page.Value); p.t.has(name) {
				page.Value = name
				p.page(page)
			}
		}
	}
	slices.SortFunc(p.roots, func(a, b Fact) int { return strings.Compare(a.Value, b.Value) })
	return p
}

func (p *program) page(f Fact) {
	if !slices.ContainsFunc(p.pages, func(have Fact) bool { return have.Value == f.Value }) {
		p.pages = append(p.pages, f)
	}
	p.follow(f.Value)
}

// follow adds a script and the project's modules that it imports.
func (p *program) follow(name string) {
	for queue := []string{name}; len(queue) > 0; {
		name := queue[0]
		queue = queue[1:]
		if p.seen[name] {
			continue
		}
		p.seen[name] = true
		m := p.t.module(name)
		p.modules = append(p.modules, m)
		for _, i := range m.imports {
			if i.level > 0 {
				queue = append(queue, p.t.importTargets(name, i)...)
			} else if base, ok := p.base(name, i); ok {
				queue = append(queue, p.t.modules(base, i)...)
			}
		}
	}
}

// base finds the directory from which an absolute import of project code starts, and records it unless it is on the
// path anyway. No directory goes on the path for a module that comes with Python: a file logging.py there would hide
// that module from every package.
func (p *program) base(from string, i imported) (string, bool) {
	if p.installed[i.top()] {
		return "", false
	}
	if isStandard(i.top()) {
		return p.home, p.t.provides(p.home, i.name)
	}
	for _, base := range p.bases(from, i) {
		if !p.t.provides(base, i.name) {
			continue
		}
		if base != p.home && !slices.ContainsFunc(p.roots, func(f Fact) bool { return f.Value == base }) {
			p.roots = append(p.roots, Fact{Value: base, Why: "import of " + i.name, File: from, Line: i.line})
		}
		return base, true
	}
	return "", false
}

// bases are the directories where an import may start, likeliest first: those on the path, those that other imports
// needed, the usual ones, and those above the importing file.
func (p *program) bases(from string, i imported) []string {
	out := []string{p.home}
	for _, r := range p.roots {
		out = append(out, r.Value)
	}
	out = append(out, ".", "src", "lib", "app")
	var around []string
	for dir := path.Dir(from); dir != "."; dir = path.Dir(dir) {
		around = append(around, dir)
	}
	slices.Reverse(around)
	out = append(out, around...)
	if others := p.t.dirsHolding(i.top()); len(others) == 1 {
		out = append(out, others[0])
	}
	return out
}

// provides reports whether a module can be imported if base is on Python's path: as a file, a package, or a directory
// with Python files but no __init__.py.
func (t *tree) provides(base, module string) bool {
	stem := path.Join(base, strings.ReplaceAll(module, ".", "/"))
	return t.has(stem+".py") || t.dirs[stem] && t.holdsPython(stem)
}

func (t *tree) holdsPython(dir string) bool {
	return slices.ContainsFunc(t.names, func(n string) bool { return strings.HasPrefix(n, dir+"/") && strings.HasSuffix(n, ".py") })
}

// dirsHolding returns the directories, not too deep, that hold a module or package of that name.
func (t *tree) dirsHolding(top string) []string {
	if out, known := t.holdingCache[top]; known {
		return out
	}
	const deepest = 3
	found := map[string]bool{}
	for dir := range t.dirs {
		if path.Base(dir) == top && dir != top && strings.Count(dir, "/") <= deepest && t.holdsPython(dir) {
			found[path.Dir(dir)] = true
		}
	}
	for _, name := range t.named(func(base string) bool { return base == top+".py" }) {
		if strings.Count(name, "/") <= deepest && !isTest(name) {
			found[path.Dir(name)] = true
		}
	}
	var out []string
	for dir := range found {
		out = append(out, dir)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(strings.Count(a, "/")-strings.Count(b, "/"), strings.Compare(a, b))
	})
	t.holdingCache[top] = out
	return out
}

// auth finds out how users log in, from what the program imports and uses.
func auth(p *program, l LoginUse) []Fact {
	var out []Fact
	add := func(value, why, file string, line int) {
		if line > 0 && !slices.ContainsFunc(out, func(f Fact) bool { return f.Value == value }) {
			out = append(out, Fact{Value: value, Why: why, File: file, Line: line})
		}
	}
	for _, m := range p.modules {
		for _, l := range loginLibraries() {
			if i, ok := m.importOf(l); ok && (!l.general || !p.isOwn(m.path, i)) { // a keycloak.py of the project is no package
				add(l.kind, i.name+" is imported", m.path, i.line)
			}
		}
		for _, use := range []string{"login", "user.is_logged_in", "experimental_user", "user"} {
			add("native", "it uses st."+use, m.path, m.uses[use])
		}
	}
	for _, f := range proxyReads(p) {
		add(f.Value, f.Why, f.File, f.Line)
	}
	if line, file := supabaseLogin(p); line > 0 {
		add("supabase", "it signs people in at Supabase", file, line)
	}
	if line, file := cognitoAPI(p); line > 0 {
		add("cognito-api", "it calls Cognito's own interface", file, line)
	}
	if !slices.ContainsFunc(out, func(f Fact) bool { return HandlingOf(f.Value) == HandledApp || f.Value == "native" }) {
		for _, address := range slices.Concat(l.Endpoints, l.Settings) {
			add(oauthKind, "it names an identity provider, "+address.Value, address.File, max(address.Line, 1))
		}
	}
	slices.SortStableFunc(out, func(a, b Fact) int { return rank(a) - rank(b) })
	if len(out) == 0 {
		return []Fact{{Value: "none", Why: "it imports and uses no known login"}}
	}
	return out
}

// rank orders kinds of logins: packages that programs also use for other things come last.
func rank(f Fact) int {
	if IsGeneral(f.Value) {
		return 1
	}
	return 0
}

// importOf returns the first import of a package that signs people in.
func (m *module) importOf(l loginLibrary) (imported, bool) {
	i := slices.IndexFunc(m.imports, func(i imported) bool {
		onlyOther := len(i.from) > 0 && !slices.ContainsFunc(i.from, func(name string) bool { return !slices.Contains(l.other, name) })
		return i.level == 0 && slices.ContainsFunc(l.modules, i.provides) && !onlyOther
	})
	if i < 0 {
		return imported{}, false
	}
	return m.imports[i], true
}

// provides reports whether an import makes a module available: that module, one below it, or one by "from".
func (i imported) provides(module string) bool {
	if i.name == module || strings.HasPrefix(i.name, module+".") {
		return true
	}
	return slices.ContainsFunc(i.from, func(name string) bool { return i.name+"."+name == module })
}

// supabaseLogin finds a call that signs people in at Supabase. Its client has many other uses, so the import alone says
// nothing.
func supabaseLogin(p *program) (line int, file string) {
	client := slices.ContainsFunc(p.modules, func(m *module) bool {
		return slices.ContainsFunc(m.imports, func(i imported) bool { return i.level == 0 && i.provides("supabase") })
	})
	if !client {
		return 0, ""
	}
	for _, m := range p.modules {
		for _, call := range []string{"sign_in_with_oauth", "sign_in_with_password", "sign_in_with_otp", "sign_in_with_sso", "sign_in_with_id_token"} {
			if line := m.lineOfSequence(".", call); line > 0 {
				return line, m.path
			}
		}
	}
	return 0, ""
}

// cognitoAPI returns where the program signs people in through Cognito's own interface, with their passwords.
func cognitoAPI(p *program) (line int, file string) {
	for _, m := range p.modules {
		for _, call := range []string{"initiate_auth", "admin_initiate_auth", "respond_to_auth_challenge"} {
			if line := m.lineOfSequence(".", call); line > 0 {
				return line, m.path
			}
		}
	}
	return 0, ""
}

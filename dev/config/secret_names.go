package config

import (
	"bytes"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/pelletier/go-toml/v2/unstable"

	"sdev/dev"
)

// SecretName is a key of a secrets.toml with the tables around it, and the file and line that set it: "db.password".
type SecretName struct {
	Name string
	File string // as people read it, relative to the project
	Line int
}

// SecretNames returns the keys of the secrets that the app reads on this machine, in the order of the file; none without a
// file. It returns no value. The file is the project's own .streamlit/secrets.toml, or the one that the compose file
// mounts in its place.
func (p *Project) SecretNames() ([]SecretName, error) {
	file := filepath.Join(p.Dir, filepath.FromSlash(secretsName))
	if mounted := p.mountedSecrets(); mounted != "" {
		file = mounted
	} else if _, err := p.ownSecrets(); err != nil { // which says best what is wrong
		return nil, err
	}
	b, err := dev.ReadFile(file)
	if isNotExist(err) {
		return nil, nil
	}
	name := display(p.Dir, file)
	if err != nil {
		return nil, bad(dev.CodeAuthSecrets, name, 0, "cannot be read: "+err.Error(), "check its permissions")
	}
	return tomlNames(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), name)
}

// mountedSecrets is the file that the compose file mounts where Streamlit looks for secrets; "" if it mounts none.
func (p *Project) mountedSecrets() string {
	app := p.Model.Services[p.App]
	isSecrets := func(target string) bool {
		return strings.HasSuffix(path.Clean("/"+target), "/"+secretsName)
	}
	for _, v := range app.Volumes {
		if v.Type == types.VolumeTypeBind && isSecrets(v.Target) {
			return v.Source
		}
	}
	for _, s := range app.Secrets {
		if isSecrets(s.Target) {
			return p.Model.Secrets[s.Source].File
		}
	}
	for _, c := range app.Configs {
		if isSecrets(c.Target) {
			return p.Model.Configs[c.Source].File
		}
	}
	return ""
}

// tomlNames reads the keys of a TOML document.
func tomlNames(b []byte, file string) ([]SecretName, error) {
	var parser unstable.Parser
	parser.Reset(b)
	var list []SecretName
	var table string
	var collect func(prefix string, n *unstable.Node)
	collect = func(prefix string, n *unstable.Node) {
		name, line := joinKey(&parser, prefix, n.Key())
		if value := n.Value(); value.Kind == unstable.InlineTable {
			for children := value.Children(); children.Next(); {
				collect(name, children.Node())
			}
			return
		}
		list = append(list, SecretName{Name: name, File: file, Line: line})
	}
	for parser.NextExpression() {
		switch n := parser.Expression(); n.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, _ = joinKey(&parser, "", n.Key())
		case unstable.KeyValue:
			collect(table, n)
		}
	}
	if err := parser.Error(); err != nil {
		// The parser quotes the text around the error, which may be a secret.
		return nil, bad(dev.CodeAuthSecrets, file, 0, "this is not TOML", "correct it: Streamlit cannot read it either")
	}
	return slices.Clip(list), nil
}

// joinKey appends the parts of a key to a prefix, and returns the line of the key.
func joinKey(p *unstable.Parser, prefix string, key unstable.Iterator) (name string, line int) {
	parts := []string{}
	if prefix != "" {
		parts = append(parts, prefix)
	}
	for key.Next() {
		n := key.Node()
		parts = append(parts, string(n.Data))
		line = p.Shape(n.Raw).Start.Line
	}
	return strings.Join(parts, "."), line
}

// AppVariable is a variable of the app in a run.
type AppVariable struct {
	Name  string
	From  string // file:line of the project, or what sdev derives it from
	Empty bool   // it is set to nothing
	Own   bool   // the project sets it, not sdev
}

// AppVariables are the variables of the app in the model that runs, sorted by name, without those that the project passes on
// from a shell that does not set them.
func (e *Effective) AppVariables(p *Project) []AppVariable {
	env := e.Project.Services[e.App].Environment
	derived := map[string]string{}
	for _, n := range e.Notes {
		if len(n.Path) == 4 && n.Path[0] == "services" && n.Path[1] == e.App && n.Path[2] == "environment" {
			derived[n.Path[3]] = n.Why
		}
	}
	var list []AppVariable
	for name, value := range env {
		if value == nil {
			continue
		}
		v := AppVariable{Name: name, Empty: *value == ""}
		if v.From = derived[name]; v.From == "" {
			v.From, v.Own = p.locateVariable(name), true
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b AppVariable) int { return strings.Compare(a.Name, b.Name) })
	return list
}

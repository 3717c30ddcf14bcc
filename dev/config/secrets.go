package config

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"sdev/dev"
)

// LoginKeys are what a project's app and programs outside show the local provider. They are made on
// first use and kept, so that who is signed in stays so. They come out of no way of printing.
type LoginKeys struct {
	Client  string `json:"client"`  // secret of the app
	Outside string `json:"outside"` // secret of programs outside sdev
	Cookie  string `json:"cookie"`  // what the app signs its cookies with
}

// Format keeps the keys out of everything that is printed, whatever the verb.
func (LoginKeys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[login keys]")) }

// LoginDir is the directory of what has to do with signing in. It is created on first use.
func (p *Project) LoginDir() (string, error) {
	state, err := p.StateDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(state, dev.LoginDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", unwritable(dir, err)
	}
	return dir, nil
}

func unwritable(path string, err error) error {
	return bad(dev.CodeProjectInvalid, "", 0, "cannot write "+path+": "+err.Error(), "make the project directory writable")
}

// LoginKeys gives the project's own. Ones that cannot be read are recreated.
func (p *Project) LoginKeys() (LoginKeys, error) {
	dir, err := p.LoginDir()
	if err != nil {
		return LoginKeys{}, err
	}
	file := filepath.Join(dir, "client.json")
	var keys LoginKeys
	if b, err := dev.ReadFile(file); err == nil && json.Unmarshal(b, &keys) == nil && keys.Client != "" && keys.Outside != "" && keys.Cookie != "" {
		return keys, nil
	}
	keys = LoginKeys{Client: rand.Text(), Outside: rand.Text(), Cookie: rand.Text()}
	b, err := json.Marshal(keys)
	if err != nil {
		return keys, err
	}
	return keys, writePrivate(file, b)
}

// writePrivate replaces a file where it differs from what is there.
func writePrivate(file string, content []byte) error {
	if old, err := dev.ReadFile(file); err == nil && string(old) == string(content) {
		return nil
	}
	if err := dev.ReplaceFile(file, content, 0o600); err != nil {
		return unwritable(file, err)
	}
	return nil
}

// NativeLogin is what a run adds to a project's secrets for st.login.
type NativeLogin struct {
	RedirectURI string
	Metadata    string // address of the provider's discovery document
	ClientID    string // for providers to which the project's own secrets give none
	Keys        LoginKeys
	Providers   []string // that the code names; "" is the default one
}

// SecretsPath is where [Project.WriteSecrets] writes.
func (p *Project) SecretsPath() string {
	return filepath.Join(p.StatePath(), dev.LoginDir, "secrets.toml")
}

// WriteSecrets makes the secrets.toml of a run, in the project's state directory: the project's own with
// [auth] leading to the local provider. It gives the ids of the clients in it. A file of the project's
// that is not TOML is an error with its line.
func (p *Project) WriteSecrets(n NativeLogin) (clients []string, err error) {
	all, err := p.ownSecrets()
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(key string, _ any) bool { return isBypass(key) }) // Streamlit would set the variable
	auth, ok := all["auth"].(map[string]any)
	if _, there := all["auth"]; there && !ok {
		return nil, bad(dev.CodeAuthSecrets, secretsName, 0, "auth is no table", "write [auth], with redirect_uri, cookie_secret and the rest below it")
	}
	if auth == nil {
		auth = map[string]any{}
		all["auth"] = auth
	}
	names, wantDefault := providers(auth, n.Providers)
	auth["redirect_uri"], auth["cookie_secret"] = n.RedirectURI, n.Keys.Cookie
	if wantDefault {
		clients = append(clients, n.lead(auth))
	}
	for _, name := range names {
		table, _ := auth[name].(map[string]any)
		if table == nil {
			table = map[string]any{}
			auth[name] = table
		}
		clients = append(clients, n.lead(table))
	}
	b, err := toml.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("write the secrets: %w", err)
	}
	if _, err := p.LoginDir(); err != nil {
		return nil, err
	}
	slices.Sort(clients)
	return slices.Compact(clients), writePrivate(p.SecretsPath(), append([]byte("# Made by sdev up --with-auth from the project's own secrets; changes here are lost.\n"), b...))
}

// lead makes a provider's table lead to the local one, and gives the client's id.
func (n NativeLogin) lead(table map[string]any) string {
	id, _ := table["client_id"].(string)
	id = cmp.Or(id, n.ClientID)
	table["client_id"], table["client_secret"], table["server_metadata_url"] = id, n.Keys.Client, n.Metadata
	for _, key := range []string{"authorize_url", "access_token_url", "api_base_url", "userinfo_endpoint", "jwks_uri", "jwks"} {
		delete(table, key) // the metadata says them
	}
	return id
}

// providers gives the named ones, of the secrets and of the code, and whether there is to be a
// default one: where the secrets have it, or the code asks for it, or nothing is named.
func providers(auth map[string]any, code []string) (names []string, wantDefault bool) {
	for name, v := range auth {
		if _, table := v.(map[string]any); table && name != "client_kwargs" {
			names = append(names, name)
		}
	}
	_, wantDefault = auth["server_metadata_url"]
	for _, name := range code {
		if name == "" {
			wantDefault = true
		} else if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, wantDefault || len(names) == 0
}

// secretsName is where Streamlit looks for a project's secrets, from where it is started.
const secretsName = ".streamlit/secrets.toml"

// ownSecrets reads the project's own secrets; none where there is no such file.
func (p *Project) ownSecrets() (map[string]any, error) {
	all := map[string]any{}
	b, err := dev.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(secretsName)))
	if isNotExist(err) {
		return all, nil
	}
	if err != nil {
		return nil, bad(dev.CodeAuthSecrets, secretsName, 0, "cannot be read: "+err.Error(), "check its permissions")
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // Streamlit's parser passes over a byte order mark as well
	if err := toml.Unmarshal(b, &all); err != nil {
		line := 0
		if at, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ = at.Position()
		}
		// Behind a colon the parser may quote what it stumbled over, and that may be a secret.
		said, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), ":")
		return nil, bad(dev.CodeAuthSecrets, secretsName, line, "this is not TOML: "+said, "correct the line: Streamlit could not read it either")
	}
	return all, nil
}

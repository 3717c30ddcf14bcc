package secrets_test

import (
	"slices"
	"testing"

	"sdev/dev"
	"sdev/dev/secrets"
)

func set(from string) secrets.Source { return secrets.Source{State: secrets.Set, From: from} }

func TestCompute_SaysWhereEachInputComesFrom(t *testing.T) {
	at := []dev.Place{{File: "Home.py", Line: 3}}
	input := func(kind dev.InputKind, name string) dev.Input {
		return dev.Input{Kind: kind, Name: name, Places: at}
	}
	missing := secrets.Source{State: secrets.Missing}
	unknown := secrets.Source{State: secrets.Unknown, From: "AWS"}
	view := secrets.View{
		Name: "local", Store: unknown, Manager: missing,
		Variables:  map[string]secrets.Source{"URL": set("compose.yaml:3"), "NOTHING": {State: secrets.Empty, From: "compose.yaml:4"}},
		Secrets:    map[string]secrets.Source{"token": set("secrets.toml:1"), "db.user": set("secrets.toml:4"), "db.host": set("secrets.toml:5")},
		Parameters: map[string]secrets.Source{"/known": set("x-sdev")},
	}
	reads := dev.Inputs{Sets: map[string]dev.Place{"OWN": {File: "Home.py", Line: 9}}}
	for name, c := range map[string]struct {
		input dev.Input
		want  secrets.Source
	}{
		"a variable":                      {input(dev.InputVariable, "URL"), set("compose.yaml:3")},
		"an empty variable":               {input(dev.InputVariable, "NOTHING"), secrets.Source{State: secrets.Empty, From: "compose.yaml:4"}},
		"no variable":                     {input(dev.InputVariable, "OTHER"), missing},
		"Streamlit sets a variable":       {input(dev.InputVariable, "token"), set("secrets.toml:1")},
		"the code sets it":                {input(dev.InputVariable, "OWN"), set("the code (Home.py:9)")},
		"a secret":                        {input(dev.InputSecret, "db.user"), set("secrets.toml:4")},
		"a table":                         {input(dev.InputSecret, "db"), set("secrets.toml:5")},
		"no key of a table":               {input(dev.InputSecret, "db.password"), missing},
		"no table":                        {input(dev.InputSecret, "d"), missing},
		"a parameter":                     {input(dev.InputParameter, "/known"), set("x-sdev")},
		"another parameter":               {input(dev.InputParameter, "/other"), unknown},
		"a secret of AWS Secrets Manager": {input(dev.InputManagedSecret, "prod/db"), missing},
	} {
		t.Run(name, func(t *testing.T) {
			r := reads
			r.List = []dev.Input{c.input}
			got := secrets.Compute(r, []secrets.View{view}, nil)
			if len(got.Rows) != 1 || got.Rows[0].Sources["local"] != c.want {
				t.Fatalf("%+v, want %+v", got.Rows, c.want)
			}
			if n := len(got.Missing("local")); (n == 1) != (c.want.State == secrets.Missing) {
				t.Errorf("%d missing", n)
			}
			r.List[0].Optional = true
			if n := len(secrets.Compute(r, []secrets.View{view}, nil).Missing("local")); n != 0 {
				t.Error("an optional input counts as missing")
			}
		})
	}
}

func TestCompute_APlatformMayHoldSecretsThatNobodyKnows(t *testing.T) {
	view := secrets.View{Name: "ecs", AllSecrets: secrets.Source{State: secrets.Unknown, From: "the parameter /shop/secrets.toml"}}
	got := secrets.Compute(dev.Inputs{List: []dev.Input{{Kind: dev.InputSecret, Name: "db.user"}, {Kind: dev.InputVariable, Name: "URL"}}}, []secrets.View{view}, nil)
	if len(got.Missing("ecs")) != 1 || got.Rows[0].Sources["ecs"] != view.AllSecrets {
		t.Errorf("%+v", got)
	}
}

func TestCompute_ListsWhatNoCodeReads(t *testing.T) {
	reads := dev.Inputs{List: []dev.Input{{Kind: dev.InputSecret, Name: "db.user"}, {Kind: dev.InputSecret, Name: "mail"}, {Kind: dev.InputVariable, Name: "URL"}, {Kind: dev.InputVariable, Name: "TOKEN"}, {Kind: dev.InputVariable, Name: "PATH"}}}
	secret := func(name string) secrets.Unread { return secrets.Unread{Kind: dev.InputSecret, Name: name} }
	variable := func(name string) secrets.Unread { return secrets.Unread{Kind: dev.InputVariable, Name: name} }
	own := []secrets.Unread{secret("db.user"), secret("db.old"), secret("mail.host"), secret("TOKEN"), secret("auth.client_id"), variable("URL"), variable("OLD"), variable("AWS_REGION"), variable("https_proxy")}
	got := secrets.Compute(reads, nil, own)
	if want := []secrets.Unread{secret("db.old"), variable("OLD")}; !slices.Equal(got.Unread, want) {
		t.Errorf("%+v, want %+v", got.Unread, want)
	}
	if len(got.Rows) != 4 {
		t.Errorf("a variable of every system is listed: %+v", got.Rows)
	}
	reads.Whole = []dev.Place{{File: "Home.py", Line: 1}}
	if got := secrets.Compute(reads, nil, own); len(got.Unread) != 1 {
		t.Errorf("although the code reads all secrets: %+v", got.Unread)
	}
}

package handoff

import (
	"os"
	"path/filepath"
	"testing"

	"sdev/templates"
)

// scaffolded is what is known of a project that `sdev init shop --yes` made.
func scaffolded() Facts {
	return Facts{
		Name: "shop", Folder: ".", Bundle: "deploy/ecs", Version: "1.0.0",
		App: App{
			Service: "streamlit", Entry: "code_package/streamlit/Home.py", Port: 8501, Roots: []string{"/app"},
			Python: Value{Text: "3.11"}, Streamlit: Value{Text: "1.58.0"}, Login: []Value{{Text: "streamlit-oauth", Source: "code_package/streamlit/util/google_oauth.py:10"}},
			Context: ".", Dockerfile: "Dockerfile", Target: "release",
			Command: []string{"streamlit", "run", "code_package/streamlit/Home.py"},
		},
		Git: Git{Found: true, Remote: "https://github.com/acme/shop.git", Host: "github.com", Owner: "acme", Repo: "shop", Branch: "main", Commit: "0123456789012345678901234567890123456789"},
		AWS: AWS{Region: Value{Text: "eu-central-1", Source: "x-sdev.aws.region"}, Parameters: []Call{{What: "aws:ssm", Text: "/streamlit/oauth", File: "code_package/streamlit/util/google_oauth.py", Line: 33}}},
	}
}

// said are the values of a target as somebody would have said them.
func said(t Target, f Facts, more map[string]string) Values {
	v := Values{}
	for _, p := range t.Params {
		if p.Default != "" {
			v[p.Name] = Value{Text: p.Default, Source: "default"}
		}
		if p.From != nil {
			if from, ok := p.From(f); ok {
				v[p.Name] = from
			}
		}
		if v.Text(p.Name) == "" && !p.Optional {
			v[p.Name] = Value{Text: p.Placeholder, Source: "placeholder", Placeholder: true}
		}
	}
	for name, text := range more {
		v[name] = Value{Text: text, Source: "--set"}
	}
	return v
}

func TestDump(t *testing.T) {
	for _, target := range Targets() {
		f := scaffolded()
		f.Bundle = "deploy/" + target.Name
		files, findings, err := target.Render(templates.Targets(), f, said(target, f, nil))
		if err != nil {
			t.Fatal(target.Name, err)
		}
		t.Log(findings)
		for _, file := range files {
			p := filepath.Join("/tmp/e7x/out", target.Name, file.Path)
			_ = os.MkdirAll(filepath.Dir(p), 0o755)
			_ = os.WriteFile(p, file.Content, file.Mode)
		}
	}
}

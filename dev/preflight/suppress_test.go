package preflight_test

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sdev/dev"
	"sdev/dev/preflight"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestSuppress_MarksTheFindingAndDoesNotBlock(t *testing.T) {
	until := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		s    dev.Suppression
		want bool // whether it is applied
	}{
		"anywhere":         {dev.Suppression{Reason: "a test key", Until: until}, true},
		"in the file":      {dev.Suppression{Path: "app.py", Reason: "a test key", Until: until}, true},
		"by a pattern":     {dev.Suppression{Path: "*.py", Reason: "a test key", Until: until}, true},
		"in another file":  {dev.Suppression{Path: "other.py", Reason: "a test key", Until: until}, false},
		"by a bad pattern": {dev.Suppression{Path: "[", Reason: "a test key", Until: until}, false},
		"of yesterday":     {dev.Suppression{Reason: "a test key", Until: until.AddDate(0, 0, -1)}, false},
		"without a reason": {dev.Suppression{Until: until}, false},
		"without a date":   {dev.Suppression{Reason: "a test key"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			s.file("app.py", "KEY = '"+awsKey+"'\n")
			c.s.ID, c.s.Origin = "secret.source", "compose.yaml:14"
			s.Suppress = []dev.Suppression{c.s}
			found := s.run(t)
			i := slices.IndexFunc(found, func(f dev.Finding) bool { return f.ID == "secret.source" })
			if i < 0 {
				t.Fatalf("it is gone: %+v", found)
			}
			if applied := found[i].Suppressed != nil; applied != c.want || dev.AnyBlocks(found) == c.want {
				t.Errorf("applied %v, blocks %v: %+v", applied, dev.AnyBlocks(found), found)
			}
			if !c.want && (len(found) < 2 || found[1].File != "compose.yaml" || found[1].Line != 14) {
				t.Errorf("nothing says why, and where: %+v", found)
			}
		})
	}
}

func TestSuppress_KnowsPathsInImages(t *testing.T) {
	s := sound()
	s.inImage("app/fixtures.txt", awsKey)
	s.Suppress = []dev.Suppression{{ID: "secret.layer", Path: "app/fixtures.txt", Reason: "opens nothing", Until: s.Now.AddDate(0, 1, 0)}}
	if found := s.run(t); len(found) != 1 || found[0].Suppressed == nil {
		t.Errorf("found %+v", found)
	}
}

func TestRun_WarnsOfADirtyTreeThatNothingWasBuiltFrom(t *testing.T) {
	s := sound()
	s.Repository.Modified = []string{"app.py", "deploy/ecs/infrastructure.yml"}
	if found := s.run(t); len(found) != 1 || found[0].ID != "git.dirty" || found[0].Severity != dev.Warns || !strings.Contains(found[0].Message, "app.py differs from commit") {
		t.Errorf("found %+v", found)
	}
}

func TestRun_TakesTestKeysLighter(t *testing.T) {
	s := sound()
	s.file("tests/key.pem", privateKey)
	if found := s.run(t); len(found) != 1 || found[0].ID != "secret.source" || found[0].Severity != dev.Warns || found[0].Line != 1 {
		t.Errorf("found %+v", found)
	}
}

func TestRun_WithoutRepositoryLeavesKeptSecretsAlone(t *testing.T) {
	s := sound()
	s.file(".env", awsSecret+"\n")
	s.file(".venv/lib/x.py", awsKey+"\n")
	s.file("node_modules/x/index.js", awsKey+"\n")
	s.Repository = preflight.Repository{}
	if found := s.run(t); !slices.Equal(idsOf(found), []string{"git.missing"}) {
		t.Errorf("found %+v", found)
	}
}

func TestRun_NamesFilesOfTheHistoryAsTheProjectSeesThem(t *testing.T) {
	s := sound()
	s.Repository.Dir = "apps/shop"
	s.blobs = []testBlob{{"apps/shop/a.txt", awsKey}, {"apps/b.txt", awsKey}}
	if found := s.run(t); len(found) != 2 || found[0].File != "../b.txt" || found[1].File != "a.txt" {
		t.Errorf("found %+v", found)
	}
}

func TestRun_FollowsNoLinks(t *testing.T) {
	s := sound()
	s.file("real.txt", awsKey)
	s.files["link.txt"] = &fstest.MapFile{Data: []byte("real.txt"), Mode: fs.ModeSymlink | 0o777}
	s.Repository.Files = []string{"link.txt", "real.txt", "requirements.txt", "gone.txt", "../outside.txt"}
	if found := s.run(t); len(found) != 1 || found[0].File != "real.txt" {
		t.Errorf("found %+v", found)
	}
}

func TestRun_AHistoryThatCannotBeReadIsAFinding(t *testing.T) {
	s := sound()
	s.blobs = []testBlob{{"old.txt", awsKey}, {path: "x"}}
	s.Repository.Modified = []string{"app.py"}
	s.Project, s.noImage = s.files, true
	found, err := preflight.Run(t.Context(), s.Subject)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"git.unreadable", "secret.history", "git.dirty"} {
		if !slices.ContainsFunc(found, func(f dev.Finding) bool { return f.ID == id }) {
			t.Errorf("no %s: %+v", id, found)
		}
	}
	for _, f := range found {
		if f.ID == "git.unreadable" && (f.Severity != dev.Blocks || !strings.Contains(f.Message, "damaged")) {
			t.Errorf("%+v", f)
		}
	}
}

func TestRun_OfNothingFindsNothing(t *testing.T) {
	found, err := preflight.Run(t.Context(), preflight.Subject{})
	if err != nil || len(found) > 0 {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := preflight.Run(t.Context(), preflight.Subject{Project: fstest.MapFS{}}); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

func TestRun_KnowsWhatIsForDevelopmentAlone(t *testing.T) {
	for name, change := range map[string]func(*subject){
		"a Dockerfile of its own": func(s *subject) {
			s.file("Dockerfile.dev", "FROM x\nENV LOCAL_STREAMLIT=1\nCMD streamlit run app.py --server.enableCORS=false\n")
		},
		"a stage that does not ship": func(s *subject) {
			s.file("Dockerfile", "FROM x AS dev\nENV LOCAL_STREAMLIT=1\nFROM x\nCOPY app.py ./\n")
			s.App.Steps = []preflight.Setting{{Value: "COPY app.py ./", File: "Dockerfile", Line: 4}}
		},
		"an argument of the build": func(s *subject) {
			s.App.Steps = []preflight.Setting{{Value: "ARG LOCAL_STREAMLIT=1", File: "Dockerfile", Line: 2}}
		},
		"a script": func(s *subject) {
			s.file("run-local.sh", "LOCAL_STREAMLIT=1 streamlit run app.py --server.enableXsrfProtection=false\n")
		},
		"a port that only a script knows": func(s *subject) {
			s.config.Config.Cmd, s.App.Port = []string{"./start.sh"}, 0
			s.config.Config.ExposedPorts = map[string]struct{}{"80/tcp": {}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sound()
			change(s)
			if found := s.run(t); len(found) > 0 {
				t.Errorf("found %+v", found)
			}
		})
	}
	for _, step := range []string{"ENV LOCAL_STREAMLIT=1", "ENV LOCAL_STREAMLIT 1", "ENV A=b LOCAL_STREAMLIT=yes", `RUN echo "export LOCAL_STREAMLIT=1" >> ~/.bashrc`} {
		s := sound()
		s.App.Steps = []preflight.Setting{{Value: step, File: "Dockerfile", Line: 2}}
		if found := s.run(t); len(found) != 1 || found[0].ID != "bypass.dockerfile" || found[0].Line != 2 {
			t.Errorf("%s: found %+v", step, found)
		}
	}
}

func TestRun_TakesALookAtATokensHeadLighter(t *testing.T) {
	const look = "import jwt\nhead = jwt.decode(token, options={'verify_signature': False})\n"
	for text, want := range map[string]dev.Severity{look: dev.Blocks, look + "claims = jwt.decode(token, key, algorithms=['RS256'])\n": dev.Warns} {
		s := sound()
		s.file("app.py", text)
		if found := s.run(t); len(found) != 1 || found[0].ID != "code.unverified" || found[0].Severity != want {
			t.Errorf("found %+v, want %s", found, want)
		}
	}
}

func TestSuppress_HidesNothingBehindManyOthers(t *testing.T) {
	s := sound()
	for i := range 60 {
		s.file("keys/"+itoa(100+i)+".txt", awsKey)
	}
	s.file("other.txt", awsKey)
	s.Suppress = []dev.Suppression{{ID: "secret.source", Path: "keys", Reason: "open nothing", Until: s.Now.AddDate(0, 1, 0)}}
	found := s.run(t)
	open := slices.DeleteFunc(slices.Clone(found), func(f dev.Finding) bool { return f.Suppressed != nil })
	if len(open) != 1 || open[0].File != "other.txt" || len(found) != 26 || !strings.Contains(found[24].Message, "and 35 more of this rule") {
		t.Errorf("%d findings, not suppressed %+v, the last of the others %+v", len(found), open, found[24])
	}
}

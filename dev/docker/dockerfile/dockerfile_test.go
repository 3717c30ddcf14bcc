package dockerfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sdev/dev/docker/dockerfile"
)

func parse(t *testing.T, content string) *dockerfile.File {
	t.Helper()
	f, err := dockerfile.Parse([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestBases_AreThoseThatTheTargetNeeds(t *testing.T) {
	const stages = `FROM a AS one
RUN make
FROM b AS two
COPY --from=one /x /x
FROM c AS three
RUN --mount=type=bind,from=two,target=/m true
FROM d AS four
FROM three
`
	for name, c := range map[string]struct {
		content string
		setting dockerfile.Setting
		want    string
	}{
		"one":                          {"FROM python:3.11\nRUN true\n", dockerfile.Setting{}, "1 python:3.11 runs"},
		"nothing is run":               {"FROM nginx\nCOPY . /\n", dockerfile.Setting{}, "1 nginx"},
		"scratch":                      {"FROM scratch\nCOPY . /\n", dockerfile.Setting{}, ""},
		"what copies and mounts ask":   {stages, dockerfile.Setting{}, "1 a runs, 3 b, 5 c runs"},
		"a target":                     {stages, dockerfile.Setting{Target: "TWO"}, "1 a runs, 3 b"},
		"a target by number":           {stages, dockerfile.Setting{Target: "3"}, "7 d"},
		"a target that is not there":   {stages, dockerfile.Setting{Target: "nosuch"}, "1 a runs, 3 b, 5 c runs, 7 d"},
		"run in a later stage":         {"FROM a AS base\nFROM base\nRUN true\n", dockerfile.Setting{}, "1 a runs"},
		"ONBUILD":                      {"FROM a\nONBUILD RUN true\n", dockerfile.Setting{}, "1 a runs"},
		"arguments":                    {"ARG V=1\nARG N=py:${V:-9}\nFROM $N-slim\nRUN true\n", dockerfile.Setting{}, "3 py:1-slim runs"},
		"arguments of the build":       {"ARG V=1\nFROM py:${V}\nRUN true\n", dockerfile.Setting{Args: map[string]string{"V": "2"}}, "2 py:2 runs"},
		"an undeclared argument":       {"FROM py${V}\nRUN true\n", dockerfile.Setting{Args: map[string]string{"V": "2"}}, "1 py runs"},
		"an argument without value":    {"ARG V\nFROM $V\nRUN true\n", dockerfile.Setting{}, ""},
		"platforms":                    {"FROM --platform=$BUILDPLATFORM a-$TARGETARCH\nRUN true\n", dockerfile.Setting{Platform: "linux/arm64", Engine: "linux/amd64"}, "1 a-arm64 on linux/amd64 runs"},
		"the engine's own platform":    {"FROM --platform=${TARGETPLATFORM} a\nRUN true\n", dockerfile.Setting{Engine: "linux/amd64"}, "1 a on linux/amd64 runs"},
		"a stage named like its image": {"FROM python AS python\nRUN true\nFROM python\nRUN true\n", dockerfile.Setting{}, "1 python runs"},
		"a name that means something else": {"FROM a AS base\nRUN true\nFROM base\nRUN true\nCOPY --from=files / /\n",
			dockerfile.Setting{Contexts: map[string]string{"base": "mine:1", "files": "mine:2"}}, "3 mine:1 given runs"},
		"continued lines":   {"# c\nFROM \\\n  # inside\n  a \\\n  AS x\nRUN true\n", dockerfile.Setting{}, "2 a runs"},
		"another escape":    {"# escape=`\nFROM `\n  a\nRUN true\n", dockerfile.Setting{}, "2 a runs"},
		"in a heredoc":      {"FROM a\nRUN <<EOF\nFROM b\nEOF\n", dockerfile.Setting{}, "1 a runs"},
		"Windows lines":     {"ARG A=b\r\nFROM $A\r\nRUN true\r\n", dockerfile.Setting{}, "2 b runs"},
		"a byte order mark": {"\ufeffFROM a\nRUN true\n", dockerfile.Setting{}, "1 a runs"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, b := range parse(t, c.content).Bases(c.setting) {
				text := fmt.Sprint(b.Line, " ", b.Ref)
				if b.Platform != "" {
					text += " on " + b.Platform
				}
				if b.Given {
					text += " given"
				}
				if b.Runs {
					text += " runs"
				}
				got = append(got, text)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRewrite_KeepsEveryLineWhereItWas(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		change  dockerfile.Change
		want    string
	}{
		"nothing": {"FROM a\r\nRUN x\n\n# end", dockerfile.Change{}, "FROM a\r\nRUN x\n\n# end"},
		"a base":  {"FROM a\nRUN x\n", dockerfile.Change{Bases: map[int]string{1: "b:1"}}, "FROM b:1\nRUN x\n"},
		"name and platform stay": {"from --platform=$BUILDPLATFORM a:$V as Base\nRUN x\n", dockerfile.Change{Bases: map[int]string{1: "b:1"}},
			"FROM --platform=$BUILDPLATFORM b:1 AS base\nRUN x\n"},
		"continued lines":   {"FROM \\\n # why\n a \\\n AS x\r\nRUN x\n", dockerfile.Change{Bases: map[int]string{1: "b"}}, "FROM b AS x\n\n\n\r\nRUN x\n"},
		"the end of a file": {"FROM a", dockerfile.Change{Bases: map[int]string{1: "b"}}, "FROM b"},
		"only that stage":   {"FROM a AS a\nFROM a\n", dockerfile.Change{Bases: map[int]string{1: "b"}}, "FROM b AS a\nFROM a\n"},
		"sources": {"FROM a\nCOPY --chown=1 --from=src /src /src\nCOPY src /from=src\nRUN --mount=type=bind,from=src,target=/m --mount=from=src2 \\\n --mount=from=src,target=/n cp src\n",
			dockerfile.Change{Sources: map[string]string{"src": "img:1"}},
			"FROM a\nCOPY --chown=1 --from=img:1 /src /src\nCOPY src /from=src\nRUN --mount=type=bind,from=img:1,target=/m --mount=from=src2 \\\n --mount=from=img:1,target=/n cp src\n"},
		"a heredoc": {"FROM a\nRUN <<EOF\nFROM a\nCOPY --from=src\nEOF\nFROM a\n", dockerfile.Change{Bases: map[int]string{6: "b"}, Sources: map[string]string{"src": "i"}},
			"FROM a\nRUN <<EOF\nFROM a\nCOPY --from=src\nEOF\nFROM b\n"},
		"arguments": {"ARG P\nFROM a\nARG P\nARG A=1 P=2 \\\n  B=\"x y\"\nRUN x\n", dockerfile.Change{Hidden: map[string]bool{"P": true}},
			"ARG P\nFROM a\n\nARG A=1 B=\"x y\"\n\nRUN x\n"},
		"the frontend": {"# syntax = docker/dockerfile:1.4\nFROM a\n", dockerfile.Change{Syntax: true}, "#\nFROM a\n"},
		"the frontend before the escape": {"# syntax=docker/dockerfile:1\n# escape=`\n# check=skip=all\r\nFROM `\n a\n", dockerfile.Change{Syntax: true},
			"# escape=`\n# check=skip=all\n#\r\nFROM `\n a\n"},
		"the frontend after the escape": {"# escape=`\n# syntax=docker/dockerfile:1\nFROM `\n a\n", dockerfile.Change{Syntax: true}, "# escape=`\n#\nFROM `\n a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := string(parse(t, c.content).Rewrite(c.change))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if a, b := strings.Count(c.content, "\n"), strings.Count(got, "\n"); a != b {
				t.Errorf("%d lines became %d", a, b)
			}
			if _, err := dockerfile.Parse([]byte(got)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFile_KnowsWhatItAsksOfABuilder(t *testing.T) {
	for content, want := range map[string]string{
		"RUN true":                                         "false map[]  0",
		"RUN --mount=type=secret,id=ca true":               "true map[secret:2]  0",
		"RUN --mount=type=secret,target=/ca true":          "false map[secret:2]  0",
		"RUN --mount=type=secret,src=ca true":              "true map[secret:2]  0",
		"RUN --mount=type=cache,id=ca,target=/c true":      "false map[cache:2]  0",
		"RUN true\nRUN --mount=type=ssh --mount=type=$T x": "false map[bind:3]  0",
		"RUN <<EOF\ntrue\nEOF":                             "false map[] a heredoc 23",
		"RUN --network=none true":                          "false map[] RUN --network 23",
		"RUN --mount=type=secret,id=a,env=A true":          "false map[secret:2] a secret as a variable 28",
		"COPY --link a /":                                  "false map[] COPY --link 23",
		"COPY --chmod=755 a /":                             "false map[]  0",
		"COPY --link --exclude=x a /":                      "false map[] COPY --exclude 29",
		"COPY <<EOF /x\nx\nEOF":                            "false map[] a heredoc 23",
		"ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://x/y /": "false map[] ADD --checksum 25",
		"ADD https://x/y.git#main /": "false map[] ADD of a git repository 25",
		"ADD https://x/y /":          "false map[]  0",
	} {
		f := parse(t, "FROM a\n"+content+"\n")
		name, since := f.Newest()
		if got := fmt.Sprintf("%v %v %s %d", f.HasSecret("ca"), f.Mounts(), name, since); got != want {
			t.Errorf("%s: %s, want %s", content, got, want)
		}
	}
}

func TestBakes_NamesTheLineThatKeepsAnArgument(t *testing.T) {
	for content, want := range map[string]int{
		"ARG P\nRUN echo $P ${P}\nCMD echo $P\n":  0,
		"ARG P\nENV x=$P\n":                       3,
		"ARG P\nENV y=$PATH \\\n  x=${P:-none}\n": 4,
		"ARG P\nARG Q=$P\n":                       3,
		"ARG P\nLABEL x=$POTATO\n":                0,
	} {
		if got := parse(t, "FROM a\n"+content).Bakes("P"); got != want {
			t.Errorf("%q: line %d, want %d", content, got, want)
		}
	}
}

func TestParse_LeavesFaultsToTheBuilder(t *testing.T) {
	for _, content := range []string{"", "FROM a\nNOSUCH x\n", "RUN before\n", "FROM a\nRUN <<EOF\nnever ends\n"} {
		if _, err := dockerfile.Parse([]byte(content)); err == nil {
			t.Errorf("%q is read", content)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("# syntax=docker/dockerfile:1\n# escape=`\nFROM `\n a AS b\nRUN <<E\nx\nE\nCOPY --from=b / /\n")
	f.Fuzz(func(t *testing.T, content string) {
		file, err := dockerfile.Parse([]byte(content))
		if err != nil {
			return
		}
		change := dockerfile.Change{Bases: map[int]string{}, Sources: map[string]string{"b": "c:1"}, Syntax: true}
		for _, b := range file.Bases(dockerfile.Setting{}) {
			change.Bases[b.Line] = "d:1"
		}
		if a, b := strings.Count(content, "\n"), strings.Count(string(file.Rewrite(change)), "\n"); a != b {
			t.Errorf("%d lines became %d", a, b)
		}
	})
}

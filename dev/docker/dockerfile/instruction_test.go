package dockerfile_test

import (
	"fmt"
	"strings"
	"testing"

	"sdev/dev/docker/dockerfile"
)

func instructionsOf(t *testing.T, content string) []dockerfile.Instruction {
	t.Helper()
	list, err := dockerfile.Instructions([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestInstructions_JoinWhatBelongsTogether(t *testing.T) {
	for content, want := range map[string]string{
		"from a\nRUN b \\\n  # c\n    d\nCMD e\n":   "1 FROM a|2 RUN b d|5 CMD e",
		"# escape=`\nFROM a\nRUN b `\n  c\n":        "2 FROM a|3 RUN b c",
		"FROM a\nCOPY <<EOF /x\n  l=1\nEOF\nUSER b": "1 FROM a|2 COPY <<EOF /x\nl=1|5 USER b",
		"FROM a\r\nRUN\tb\r\n":                      "1 FROM a|2 RUN b",
		"FROM a\nNOSUCH x\n":                        "1 FROM a|2 NOSUCH x",
	} {
		var got []string
		for _, in := range instructionsOf(t, content) {
			got = append(got, fmt.Sprintf("%d %s %s", in.Line, in.Name, in.Rest))
		}
		if g := strings.Join(got, "|"); g != want {
			t.Errorf("%q: %q, want %q", content, g, want)
		}
	}
}

func TestVariables_AreReadAsABuilderDoes(t *testing.T) {
	env := map[string]string{"A": "1"}
	for text, want := range map[string]string{
		`ENV B="x y" C='$A' D=$A`:   "B=x y C=$A D=1",
		`ENV B  x y`:                "B=x y",
		`ENV B=${A:+set} C=${D:-e}`: "B=set C=e",
		`ENV B=$(date)`:             "B=$(date)",
		`ENV B`:                     "",
		`ARG B=2 C`:                 "B=2",
		`RUN B=2`:                   "",
	} {
		name, rest, _ := strings.Cut(text, " ")
		in := dockerfile.Instruction{Name: name, Rest: rest}
		var got []string
		for _, v := range in.Variables() {
			got = append(got, v.Name+"="+dockerfile.Expand(v.Value, env))
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s: %q, want %q", text, g, want)
		}
	}
}

func TestVariables_AreReadFromALongInstruction(t *testing.T) {
	for _, filler := range []string{"A=1 ", "A='# b' ", `A=x\ # `, `A="\" # " `} {
		rest := strings.Repeat(filler, 200_000/len(filler)) + "LAST=1"
		list := dockerfile.Instruction{Name: "ENV", Rest: rest}.Variables()
		if n := len(list); n != 200_000/len(filler)+1 || list[n-1] != (dockerfile.Variable{Name: "LAST", Value: "1"}) {
			t.Errorf("%q: %d variables", filler, len(list))
		}
	}
}

func TestInstructions_RefuseWhatTakesTooLong(t *testing.T) {
	if _, err := dockerfile.Instructions([]byte("RUN <<EOF\n" + strings.Repeat("\n", 1<<20) + "EOF\n")); err == nil {
		t.Error("a heredoc of a million lines is read")
	}
}

func FuzzInstructions(f *testing.F) {
	f.Add("# escape=`\nFROM `\n a AS b\nRUN <<E <<F\nx\nE\ny\nF\nENV A=\"1 2\" B=$A\nONBUILD ARG C\n")
	f.Fuzz(func(t *testing.T, content string) {
		list, err := dockerfile.Instructions([]byte(content))
		if err != nil {
			return
		}
		last := 0
		for _, in := range list {
			if in.Line <= last || in.Line > strings.Count(content, "\n")+1 {
				t.Fatalf("line %d after %d", in.Line, last)
			}
			last = in.Line
			for _, v := range in.Variables() {
				dockerfile.Expand(v.Value, map[string]string{v.Name: v.Value})
			}
		}
	})
}

package docker

import (
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"google.golang.org/protobuf/proto"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
	"sdev/dev/plan"
)

func TestRewriteExec_KeepsEveryStepAndItsMetadata(t *testing.T) {
	state := llb.Image("base").Run(llb.Args([]string{"one"}), llb.AddEnv("PIP_CERT", "own"), llb.WithCustomName("first")).Root().
		Run(llb.Args([]string{"two"}), llb.WithCustomName("second")).Root()
	before, err := state.Marshal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	after, err := rewriteExec(before.ToPB(), addCA)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	known := map[string]bool{}
	for _, encoded := range after.Def {
		var op pb.Op
		if err := proto.Unmarshal(encoded, &op); err != nil {
			t.Fatal(err)
		}
		for _, input := range op.Inputs {
			if !known[input.Digest] {
				t.Errorf("%s is made from a step that is not there", input.Digest)
			}
		}
		name := digest.FromBytes(encoded).String()
		known[name] = true
		if command := op.GetExec(); command != nil {
			env := envMap(command.Meta.Env)
			seen = append(seen, after.Metadata[name].Description["llb.customname"], env["PIP_CERT"], env["SSL_CERT_FILE"], command.Mounts[len(command.Mounts)-1].Dest)
		}
	}
	if got, want := strings.Join(seen, " "), "first own "+shipFile+" "+shipFile+" second "+shipFile+" "+shipFile+" "+shipFile; got != want {
		t.Errorf("commands:\n%s, want\n%s", got, want)
	}
	if len(after.Def) != len(before.Def) || len(after.Metadata) != len(before.Metadata) {
		t.Errorf("%d steps became %d", len(before.Def), len(after.Def))
	}
	definition := before.ToPB()
	definition.Def[0], definition.Def[1] = definition.Def[1], definition.Def[0]
	if _, err := rewriteExec(definition, addCA); err == nil {
		t.Error("steps in no order are taken")
	}
}

func TestCheckShippedCA_RefusesCertificatesThatWouldStayInTheImage(t *testing.T) {
	file, err := dockerfile.Parse([]byte("FROM a\nRUN b\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recipe{Build: plan.Build{Ships: true, CA: []byte("x")}, file: file, runs: true}
	if got := dev.AsError(r.checkShippedCA("the classic builder", "enable BuildKit (unset DOCKER_BUILDKIT)")); got.Code != dev.CodeBuildFailed || got.File != "Dockerfile" || !strings.Contains(got.Hint, "BuildKit") {
		t.Errorf("%+v", got)
	}
	for name, other := range map[string]recipe{
		"for this machine": {Build: plan.Build{CA: []byte("x")}, file: file, runs: true},
		"without a CA":     {Build: plan.Build{Ships: true}, file: file, runs: true},
		"nothing is run":   {Build: plan.Build{Ships: true, CA: []byte("x")}, file: file},
	} {
		if err := other.checkShippedCA("the classic builder", "enable BuildKit (unset DOCKER_BUILDKIT)"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

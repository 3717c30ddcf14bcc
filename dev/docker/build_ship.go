package docker

import (
	"context"
	"fmt"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/protobuf/proto"

	"sdev/dev"
	"sdev/dev/docker/dockerfile"
)

// Images that ship.
//
// BuildKit's Dockerfile frontend runs in this process and sends its result to the engine. So on every engine, image
// and history are exactly what the user's Dockerfile says. Its commands still get this machine's certificates: as a
// file on /dev, a tmpfs that every container has anyway, and as environment variables of the command alone. Neither
// becomes part of the image.

const (
	// shipSecret is the build secret with the certificates.
	shipSecret = "sdev-ca"
	// shipFile is the path at which commands read the certificates. It lies below /dev because a mount anywhere else
	// leaves its mount point in the layer.
	shipFile = "/dev/sdev-ca.pem"
)

// shipped reports whether the frontend runs here. A frontend that the Dockerfile specifies comes from a registry
// and runs on the engine, as does the frontend for contexts that only the engine fetches.
func (r *recipe) shipped() bool {
	return r.Ships && r.file != nil && dockerfile.Syntax(r.content) == ""
}

// ship runs the Dockerfile frontend. BuildKit's client calls it with a connection to the engine.
func (r *recipe) ship(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	ui, err := dockerui.NewClient(c)
	if err != nil {
		return nil, err
	}
	source, err := ui.ReadEntrypoint(ctx, "Dockerfile")
	if err != nil {
		return nil, err
	}
	built, err := ui.Build(ctx, func(ctx context.Context, platform *ocispec.Platform, _ int) (gateway.Reference, *dockerspec.DockerOCIImage, *dockerspec.DockerOCIImage, error) {
		state, image, base, _, err := dockerfile2llb.Dockerfile2LLB(ctx, source.Data,
			dockerfile2llb.ConvertOpt{Config: ui.Config, Client: ui, SourceMap: source.SourceMap, MetaResolver: c, TargetPlatform: platform})
		if err != nil {
			return nil, nil, nil, err
		}
		ref, err := r.solve(ctx, c, state, ui.CacheImports)
		r.setDates(image)
		return ref, image, base, err
	})
	if err != nil {
		return nil, err
	}
	return built.Finalize()
}

// solve makes the engine carry out the frontend's result.
func (r *recipe) solve(ctx context.Context, c gateway.Client, state *llb.State, cache []gateway.CacheOptionsEntry) (gateway.Reference, error) {
	marshalled, err := state.Marshal(ctx)
	if err != nil {
		return nil, err
	}
	definition := marshalled.ToPB()
	if r.lacksCA() {
		if definition, err = rewriteExec(definition, addCA); err != nil {
			return nil, err
		}
	}
	result, err := c.Solve(ctx, gateway.SolveRequest{Definition: definition, CacheImports: cache})
	if err != nil {
		return nil, err
	}
	return result.SingleRef()
}

// setDates replaces the timestamps that the build adds to an image's configuration. The build argument
// SOURCE_DATE_EPOCH would do the same, but every commit would then rerun each step that follows a WORKDIR.
func (r *recipe) setDates(image *dockerspec.DockerOCIImage) {
	if r.Epoch.IsZero() {
		return
	}
	epoch := r.Epoch.UTC()
	image.Created = &epoch
	for i := range image.History {
		if image.History[i].Created == nil { // those of the base image stay
			image.History[i].Created = &epoch
		}
	}
}

// addCA passes the certificates to one command. Variables that the Dockerfile or its base image sets stay.
func addCA(command *pb.ExecOp) {
	set := envMap(command.Meta.Env)
	for _, name := range trustVariables() {
		if _, own := set[name]; !own {
			command.Meta.Env = append(command.Meta.Env, name+"="+shipFile)
		}
	}
	command.Mounts = append(command.Mounts, &pb.Mount{Input: int64(pb.Empty), Dest: shipFile, MountType: pb.MountType_SECRET,
		SecretOpt: &pb.SecretOpt{ID: shipSecret, Mode: 0o444}})
}

// rewriteExec changes every command of a build definition. Steps refer to their inputs by hash, so a change
// propagates to all later steps.
func rewriteExec(definition *pb.Definition, change func(*pb.ExecOp)) (*pb.Definition, error) {
	out := &pb.Definition{Metadata: map[string]*pb.OpMetadata{}}
	renamed := map[string]string{}
	for _, encoded := range definition.Def {
		var op pb.Op
		if err := proto.Unmarshal(encoded, &op); err != nil {
			return nil, fmt.Errorf("parse a build step: %w", err)
		}
		for _, input := range op.Inputs {
			name, ok := renamed[input.Digest]
			if !ok {
				return nil, fmt.Errorf("a build step precedes its input %s", input.Digest)
			}
			input.Digest = name
		}
		if command := op.GetExec(); command != nil {
			change(command)
		}
		changed, err := proto.MarshalOptions{Deterministic: true}.Marshal(&op)
		if err != nil {
			return nil, fmt.Errorf("encode a build step: %w", err)
		}
		before, after := digest.FromBytes(encoded).String(), digest.FromBytes(changed).String()
		renamed[before] = after
		out.Def = append(out.Def, changed)
		if metadata, ok := definition.Metadata[before]; ok {
			out.Metadata[after] = metadata
		}
	}
	if definition.Source != nil {
		out.Source = &pb.Source{Infos: definition.Source.Infos, Locations: map[string]*pb.Locations{}}
		for before, at := range definition.Source.Locations {
			out.Source.Locations[renamed[before]] = at
		}
	}
	return out, nil
}

// checkShippedCA refuses a build whose builder would leave certificates in an image. builder names it, and remedy is what
// to do about it.
func (r *recipe) checkShippedCA(builder, remedy string) error {
	if !r.Ships || !r.lacksCA() || !r.runs {
		return nil
	}
	return &dev.Error{Code: dev.CodeBuildFailed, Exit: dev.ExitFailed, File: r.dockerfilePath(),
		Message: "the build needs this machine's extra CA, but " + builder + " would leave it in the image that ships",
		Hint:    remedy + ", or build on a network without TLS interception"}
}

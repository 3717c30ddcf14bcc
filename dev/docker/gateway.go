package docker

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"sdev/dev"
	"sdev/dev/sidecar"
)

// gatewayLabel is the label of gateways' images.
const gatewayLabel = "dev.sdev.gateway"

// loadGateway creates the gateway's image, which holds only the gateway's program. The engine gives the image its own
// architecture. The images of earlier versions go.
func (e *Engine) loadGateway(ctx context.Context, ref string) error {
	p, err := sidecar.WithRef(ref)
	if err != nil {
		return err
	}
	program, err := p.Read()
	if err != nil {
		return err
	}
	entrypoint, err := json.Marshal(dev.GatewayCommand(dev.GatewayProgram))
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	var writer sync.WaitGroup
	defer writer.Wait()
	defer r.Close() //nolint:errcheck // ends the writer, if the engine has not read all
	writer.Go(func() { w.CloseWithError(writeGatewayTar(w, program)) })
	out, err := e.api.ImageImport(ctx, image.ImportSource{Source: r, SourceName: "-"}, ref, image.ImportOptions{
		Message: "sdev gateway", Changes: []string{"ENTRYPOINT " + string(entrypoint), "LABEL " + gatewayLabel + "=1"},
	})
	if err != nil {
		return engineError("load the gateway's image", err)
	}
	defer out.Close()
	if _, err := io.Copy(io.Discard, out); err != nil {
		return engineError("load the gateway's image", err)
	}
	e.removeOldGateways(ctx, ref)
	return nil
}

func writeGatewayTar(w io.Writer, program []byte) error {
	t := tar.NewWriter(w)
	open := dev.GatewayBytecodeDir[1:] + "/"
	for _, dir := range []string{"run/", "run/sdev/", "project/", "state/", "tmp/", open} {
		mode := int64(0o755)
		if dir == open {
			mode = 0o777
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode}); err != nil {
			return err
		}
	}
	if err := t.WriteHeader(&tar.Header{Name: dev.GatewayProgram[1:], Mode: 0o755, Size: int64(len(program))}); err != nil {
		return err
	}
	if _, err := t.Write(program); err != nil {
		return err
	}
	return t.Close()
}

// gatewayKeptFor is the age up to which an unused image of a gateway stays: another sdev may be about to use it.
const gatewayKeptFor = 24 * time.Hour

// removeOldGateways removes images of gateways that no container uses, except for current. It is best effort: a leftover
// only takes space.
func (e *Engine) removeOldGateways(ctx context.Context, current string) {
	images, err := e.api.ImageList(ctx, image.ListOptions{Filters: filters.NewArgs(filters.Arg("label", gatewayLabel))})
	if err != nil {
		return
	}
	for _, i := range images {
		for _, ref := range i.RepoTags {
			if ref != current && time.Since(time.Unix(i.Created, 0)) > gatewayKeptFor {
				_, _ = e.api.ImageRemove(ctx, ref, image.RemoveOptions{}) // the engine refuses if a container uses it
			}
		}
	}
}

// Architecture is the architecture of the machine that runs the containers, in Go's words. An engine for Windows
// containers is an error.
func (e *Engine) Architecture(ctx context.Context) (string, error) {
	v, err := e.version(ctx)
	if err != nil {
		return "", err
	}
	if v.Os != "linux" {
		return "", &dev.Error{Code: dev.CodeGatewayMissing, Exit: dev.ExitEngine, Message: fmt.Sprintf("the container engine at %s runs containers for %s/%s, and sdev needs Linux containers", e.endpoint.Host, v.Os, v.Arch),
			Hint: "switch the engine to Linux containers, or choose another one with --context"}
	}
	return v.Arch, nil
}

package docker

import (
	"context"
	"io"
)

// Save streams an image as the archive of "docker save". A missing image is an error with dev.CodeImageMissing;
// Save pulls nothing. The caller closes the archive; closing it early, or the end of ctx, ends the transfer.
func (e *Engine) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	if _, err := e.api.ImageInspect(ctx, ref); isGone(err) {
		return nil, imageNotFound(ref, err)
	} else if err != nil {
		return nil, engineError("inspect image "+ref, err)
	}
	archive, err := e.api.ImageSave(ctx, []string{ref})
	if err != nil {
		return nil, engineError("export image "+ref, err)
	}
	return archive, nil
}

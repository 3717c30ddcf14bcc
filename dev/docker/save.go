package docker

import (
	"context"
	"io"
)

// Save returns an image as the archive that "docker save" writes, while the engine packs it. An image
// that the engine does not have is dev.CodeImageMissing; nothing is pulled. The caller closes the
// archive, which also ends one that has not been read to its end, as the end of ctx does.
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

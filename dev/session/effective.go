package session

import (
	"cmp"
	"context"

	"sdev/dev/config"
	"sdev/dev/engine"
	"sdev/dev/plan"
)

// Images looks at what runs and at images.
type Images interface {
	Observer
	Image(ctx context.Context, ref string) (info plan.ImageInfo, found bool, err error)
}

// Effective derives the model that a run of the project has, and changes nothing. What only the engine
// knows, such as the image and the port in use, is asked of images, and assumed where that is nil or does
// not answer.
func (s *Session) Effective(ctx context.Context, images Images) (*config.Effective, error) {
	p := s.Project
	parts, _, err := newParts(s.host, p)
	if err != nil {
		return nil, err
	}
	parts.Mode = s.login.mode
	// The secrets that were written name the ports of the run that they were written for.
	last := engine.LastPorts(p.StatePath(), p.WantedPort())
	parts.Port, parts.Identity = cmp.Or(last.App, parts.Port), cmp.Or(last.Identity, parts.Identity)
	if images != nil {
		s.askEngine(ctx, images, &parts)
	}
	parts.Login = s.login.overlay(p, engine.Ports{App: parts.Port, Identity: parts.Identity})
	return config.Overlay(p, parts)
}

// askEngine fills in what the engine knows.
func (s *Session) askEngine(ctx context.Context, images Images, parts *config.Parts) {
	p := s.Project
	i, err := Observe(ctx, images, p)
	if err != nil {
		return // what does not answer knows nothing
	}
	if running, ok := i.Sidecar(); ok {
		parts.Port, parts.Identity, parts.Sync = running.Port, running.Identity, running.Root == ""
	}
	if info, found, err := images.Image(ctx, plan.ImageName(p.Name, p.Model.Services[p.App])); err == nil && found {
		parts.Image = imageFacts(info)
	}
}

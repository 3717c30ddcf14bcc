package session

import (
	"cmp"
	"context"
	"sync"
	"time"

	"sdev/dev"
	"sdev/dev/awslogin"
	"sdev/dev/config"
)

// awsKeys fetches the keys of one AWS profile for the gateway. It is safe for concurrent use.
type awsKeys struct {
	profile awslogin.Profile

	mu    sync.Mutex   // guards first
	first *dev.AWSKeys // fetched by newAWSKeys and not returned by next yet; nil after that
}

// newAWSKeys fetches the first keys. It returns nil if the app gets no keys from this machine.
func newAWSKeys(ctx context.Context, h Host, p *config.Project) (*awsKeys, error) {
	if p.Settings.AWS.Mode != config.AWSSession {
		return nil, nil
	}
	profile := awslogin.Profile{Name: p.Settings.AWS.Profile, Region: p.Settings.AWS.Region, AskCode: h.MFACode}
	keys, err := profile.Export(ctx)
	if err != nil {
		return nil, err
	}
	profile.AskCode = nil // later renewals must not prompt: by then the terminal shows events
	return &awsKeys{profile: profile, first: &keys}, nil
}

// next returns the keys that newAWSKeys fetched, and new ones on each later call.
func (k *awsKeys) next(ctx context.Context) (dev.AWSKeys, error) {
	k.mu.Lock()
	first := k.first
	k.first = nil
	k.mu.Unlock()
	if first != nil {
		return *first, nil
	}
	return k.profile.Export(ctx)
}

// AWSStatus says which AWS login the running app has. It is part of the output of "sdev status --json".
type AWSStatus struct {
	Source  string `json:"source"` // one of config.AWSModes
	Profile string `json:"profile"`
	Region  string `json:"region"`
	Expires string `json:"expires"` // RFC 3339; "" if the login does not expire or the time is unknown
}

// AWS reads from the environment and mounts of the running container which AWS login the app has. Settings and flags
// may have changed since the container started.
func (i Instance) AWS(h Host) AWSStatus {
	app, _ := i.Container(i.Project.App)
	out := AWSStatus{Profile: cmp.Or(app.Env["AWS_PROFILE"], "default"), Region: app.Env["AWS_REGION"]}
	switch {
	case app.Env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] != "":
		out.Source, out.Profile = config.AWSSession, cmp.Or(i.Project.Settings.AWS.Profile, h.Getenv("AWS_PROFILE"), "default")
		return out
	case !app.HasMount("/.aws"):
		return AWSStatus{Source: config.AWSNone}
	}
	out.Source = config.AWSMount
	if m, _, err := config.ReadMachine(i.Project, h.Getenv, h.Now()); err == nil && !m.AWS.Expires.IsZero() {
		out.Expires = m.AWS.Expires.UTC().Format(time.RFC3339)
	}
	return out
}

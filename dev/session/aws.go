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

// awsKeys hands the keys of one AWS profile to the gateway. Safe for concurrent use.
type awsKeys struct {
	profile awslogin.Profile

	mu    sync.Mutex   // guards first
	first *dev.AWSKeys // not handed over yet
}

// newAWSKeys fetches the first keys; it is nil for a project whose app gets no keys from this machine.
func newAWSKeys(ctx context.Context, h Host, p *config.Project) (*awsKeys, error) {
	if p.Settings.AWS.Mode != config.AWSSession {
		return nil, nil
	}
	profile := awslogin.Profile{Name: p.Settings.AWS.Profile, Region: p.Settings.AWS.Region, AskCode: h.MFACode}
	keys, err := profile.Export(ctx)
	if err != nil {
		return nil, err
	}
	profile.AskCode = nil // from now on the terminal belongs to the events
	return &awsKeys{profile: profile, first: &keys}, nil
}

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

// AWSStatus says which AWS login the running app has. Its fields are part of what "sdev status --json"
// prints.
type AWSStatus struct {
	Source  string `json:"source"` // one of config.AWSModes
	Profile string `json:"profile"`
	Region  string `json:"region"`
	Expires string `json:"expires"` // RFC 3339; "" where the login does not expire or it is unknown
}

// AWS reads what the running app was given: its own environment and mounts are the truth.
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

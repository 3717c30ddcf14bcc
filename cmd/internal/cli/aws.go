package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"sync"

	"sdev/dev"
	"sdev/dev/awslogin"
	"sdev/dev/config"
)

// awsSession hands the keys of one profile to the gateway. Its first keys are got before anything is
// built or started, so that a login that is missing is said first. Safe for concurrent use.
type awsSession struct {
	profile awslogin.Profile

	mu    sync.Mutex
	first *dev.AWSKeys // not handed over yet
}

// newAWSSession is nil for a project whose app gets no keys from the host.
func (a *app) newAWSSession(ctx context.Context, p *config.Project) (*awsSession, error) {
	if p.Settings.AWS.Mode != config.AWSSession {
		return nil, nil
	}
	profile := awslogin.Profile{Name: p.Settings.AWS.Profile, Region: p.Settings.AWS.Region}
	if a.InTTY && !a.json {
		profile.AskCode = a.askMFACode
	}
	keys, err := profile.Export(ctx)
	if err != nil {
		return nil, err
	}
	profile.AskCode = nil // later, what is printed belongs to the events
	return &awsSession{profile: profile, first: &keys}, nil
}

func (a *app) askMFACode() (string, error) {
	a.notef("code of your AWS MFA device: ")
	line, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return strings.TrimSpace(line), nil
}

func (s *awsSession) keys(ctx context.Context) (dev.AWSKeys, error) {
	s.mu.Lock()
	first := s.first
	s.first = nil
	s.mu.Unlock()
	if first != nil {
		return *first, nil
	}
	return s.profile.Export(ctx)
}

package engine

import (
	"context"
	"time"

	"sdev/dev"
)

const (
	// renewBefore is how long before its expiry the gateway's configuration is renewed. AWS SDKs ask for new
	// credentials 15 minutes before the old ones expire, so the gateway needs them earlier.
	renewBefore = 20 * time.Minute
	// renewRetry is the pause after a failed renewal, which often needs a person to sign in first.
	renewRetry = 30 * time.Second
)

// keepConfigured configures the gateway again before its configuration expires. It reports equal failures in a row
// only once: it retries every renewRetry, and succeeds once somebody has signed in.
func (s *supervisor) keepConfigured(ctx context.Context, p Project) error {
	var due <-chan time.Time
	reported := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case until := <-s.renewals:
			due = renewalBefore(until)
			reported = ""
		case <-due:
			until, err := s.engine.configure(ctx, p)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err == nil:
				due = renewalBefore(until)
				reported = ""
				continue
			}
			if e := dev.AsError(err); e.Message != reported {
				reported = e.Message
				s.engine.emit(dev.Warning{Code: e.Code, Message: e.Error(), Hint: e.Hint})
			}
			due = time.After(renewRetry)
		}
	}
}

// renewalBefore returns a channel that fires when a configuration that expires at until is due for renewal:
// renewBefore earlier or, for a short validity, after half of it. The channel of the zero time never fires.
func renewalBefore(until time.Time) <-chan time.Time {
	if until.IsZero() {
		return nil
	}
	left := time.Until(until)
	return time.After(max(left-renewBefore, left/2, time.Second))
}

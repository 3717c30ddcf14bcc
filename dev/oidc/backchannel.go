package oidc

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"sdev/dev"
)

// backChannelTimeout is how long a client may take to answer a logout notice. The user waits as long.
const backChannelTimeout = 2 * time.Second

// logoutTokenLifetime is how long a logout token is valid: OpenID Connect Back-Channel Logout 1.0 recommends at
// most two minutes.
const logoutTokenLifetime = 2 * time.Minute

// notifyClients notifies all clients that got tokens in a session of its end. It returns when each has answered
// or timed out.
func (rc *requestContext) notifyClients(ctx context.Context, s session) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), backChannelTimeout)
	defer cancel()
	var notices sync.WaitGroup
	for _, id := range s.Clients {
		c, ok := rc.p.client(id)
		if !ok || c.BackChannel == "" {
			continue
		}
		notices.Go(func() {
			if err := rc.p.notifyClient(ctx, c, s); err != nil {
				rc.p.emit(dev.Warning{
					Code:    dev.CodeAuthBackChannel,
					Message: fmt.Sprintf("client %s was not notified that %s signed out: %v", c.ID, s.Person.Email, err),
					Hint:    "check that it listens at its back-channel address, as seen from the gateway's container",
				})
			}
		})
	}
	notices.Wait()
}

func (p *Provider) notifyClient(ctx context.Context, c dev.Client, s session) error {
	now := p.now()
	token, err := p.sign(&unsignedToken{kind: "logout_token", typ: "logout+jwt", alg: p.alg(), claims: claims{
		"iss": p.cfg.Issuer, "aud": c.ID, "sub": p.subject(s.Person), "sid": s.ID, "jti": randomToken()[:22],
		"iat": now.Unix(), "exp": now.Add(logoutTokenLifetime).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	}})
	if err != nil {
		return err
	}
	body := url.Values{"logout_token": {token}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackChannel, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// A transport without keep-alive leaves no connection and no goroutine behind. The token must not follow
	// a redirect.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}

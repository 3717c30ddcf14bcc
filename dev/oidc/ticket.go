package oidc

import (
	"time"

	"sdev/dev"
)

// ticket is an authorization code or a refresh token, stored under its hash. It stays after its use until it
// expires, so that a replay is noticed.
type ticket struct {
	Grant   string    `json:"grant"`
	Used    bool      `json:"used"` // of a refresh token: replaced by a newer one
	Expires time.Time `json:"expires"`
	// Of a code alone.
	Redirect  string `json:"redirect,omitempty"`
	Challenge string `json:"challenge,omitempty"`
	Method    string `json:"method,omitempty"`
}

// tickets are the tickets of one kind, and what differs between the kinds.
type tickets struct {
	all      map[string]ticket
	param    string // form parameter with the ticket
	name     string
	unknown  string // why a ticket that is not in all, or has expired, is refused
	replayed string // why a ticket that was used before is refused
}

func (p *Provider) codesLocked() tickets {
	return tickets{all: p.data.Codes, param: "code", name: "the code", unknown: "the code is unknown or expired",
		replayed: "the code was used before; its tokens are revoked now"}
}

func (p *Provider) refreshTokensLocked() tickets {
	return tickets{all: p.data.Refresh, param: "refresh_token", name: "the refresh token", unknown: "the refresh token is unknown, revoked or expired",
		replayed: "the refresh token was replaced by a newer one; all tokens of the grant are revoked now"}
}

// findTicketLocked finds the ticket of a token request and its grant, and checks that this client may use it. A replay
// revokes the grant (RFC 6749 4.1.2, RFC 9700 4.14.2).
func (rc *requestContext) findTicketLocked(kind tickets, c dev.Client) (ticket, grant, error) {
	p := rc.p
	found, ok := kind.all[hash(rc.param(kind.param))]
	g, granted := p.data.Grants[found.Grant]
	if granted && g.Person != nil {
		rc.user = g.Person.Email
	}
	why := ""
	switch {
	case rc.param(kind.param) == "":
		return ticket{}, grant{}, newError("invalid_request", "no "+kind.param)
	case !ok || !rc.now.Before(found.Expires):
		why = kind.unknown
	case granted && g.Client != c.ID:
		why = kind.name + " was given to another client"
	case found.Used:
		p.revokeLocked(found.Grant)
		if err := p.awaitSave(); err != nil {
			return ticket{}, grant{}, err
		}
		why = kind.replayed
	case !granted:
		why = kind.name + " is no longer valid: the user has signed out"
	}
	if why != "" {
		return ticket{}, grant{}, newError("invalid_grant", why)
	}
	return found, g, nil
}

// useTicketLocked marks the ticket of a token request as used, unless another request was faster. It is saved together
// with the tokens.
func (rc *requestContext) useTicketLocked(kind tickets, found ticket) error {
	key := hash(rc.param(kind.param))
	if kind.all[key].Used {
		rc.p.revokeLocked(found.Grant)
		return newError("invalid_grant", kind.replayed)
	}
	found.Used = true
	kind.all[key] = found
	return nil
}

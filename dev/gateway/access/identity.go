package access

import (
	"net/http"

	"sdev/dev/gateway/door"
)

// serveIdentity answers get-identity: all that Access knows about whoever holds a token. Source: Cloudflare, "Application
// token", user identity.
func (d *Door) serveIdentity(w http.ResponseWriter, v *visitor) {
	w.Header().Set("Cache-Control", "no-store")
	if v == nil || v.service != nil {
		serveJSON(w, http.StatusBadRequest, map[string]string{"err": "no app token set"})
		return
	}
	groups := v.who.Groups
	if groups == nil {
		groups = []string{}
	}
	about, err := door.Object(
		door.Member{Name: "id", Value: v.who.Email},
		door.Member{Name: "name", Value: v.who.Name},
		door.Member{Name: "email", Value: v.who.Email},
		door.Member{Name: "groups", Value: groups},
		door.Member{Name: "idp", Value: map[string]string{"id": d.access.ProviderID(), "type": "oidc"}},
		door.Member{Name: "geo", Value: map[string]string{"country": v.identity.Country}},
		door.Member{Name: "user_uuid", Value: d.access.UserID(v.who.Email)},
		door.Member{Name: "account_id", Value: d.access.Account},
		door.Member{Name: "iat", Value: v.identity.At.Unix()},
		door.Member{Name: "ip", Value: v.identity.IP},
		door.Member{Name: "auth_status", Value: "NONE"},
		door.Member{Name: "common_name", Value: ""},
		door.Member{Name: "service_token_id", Value: ""},
		door.Member{Name: "service_token_status", Value: false},
		door.Member{Name: "is_warp", Value: false},
		door.Member{Name: "is_gateway", Value: false},
		door.Member{Name: "gateway_account_id", Value: ""},
		door.Member{Name: "device_id", Value: ""},
		door.Member{Name: "device_sessions", Value: struct{}{}},
		door.Member{Name: "devicePosture", Value: struct{}{}},
		door.Member{Name: "version", Value: 2},
		door.Member{Name: "oidc_fields", Value: fields(claimsOf(d.access, v.who))},
	)
	if err != nil {
		d.fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(about) // the client may have gone
}

// fields are members as a map.
func fields(members []door.Member) map[string]any {
	out := map[string]any{}
	for _, m := range members {
		out[m.Name] = m.Value
	}
	return out
}
